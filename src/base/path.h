// Paths of trees as text: relative to the tree's root, which is "". Pure, and no file is looked at.
#pragma once

#include <string>

namespace lichen {

std::string beneath(const std::string& directory, const std::string& name);  // "a/b"; of "": "b"
std::string parent_of(const std::string& path);                              // of "b": ""
std::string name_of(const std::string& path);

}  // namespace lichen
