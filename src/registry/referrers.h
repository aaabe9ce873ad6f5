// Documents that are about another one: signatures, SBOMs, attestations. Private to registry/.
#pragma once

#include <string_view>
#include <vector>

#include "registry/client.h"
#include "registry/wire.h"

namespace lichen::registry {

// Of an index, as a registry lists them. Pure.
Result<std::vector<Referrer>> parse_referrers(std::string_view json);

// After `document` was pushed, with the answer `pushed`: if it has a subject, and the registry does
// not keep the list of referrers itself, adds it to the one under the fallback tag. Two who do
// that at once may lose one entry: the specification has no better.
Result<void> list_referrer(Client::Wire& wire, const Place& place, const oci::Descriptor& document,
                           std::string_view bytes, const Response& pushed);

}  // namespace lichen::registry
