// Where in the Dockerfile an error is: adds "FILE:LINE" to its context and the excerpt with `>>>`
// to its detail (the form that BuildKit prints). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dockerfile/ast.h"

namespace lichen::dockerfile {

std::string excerpt(std::string_view file, std::string_view text, Lines lines);
// Lines from 0 are about the whole file: no excerpt. An error that has an excerpt stays as it is.
Error located(Error error, std::string_view file, std::string_view text, Lines lines);

}  // namespace lichen::dockerfile
