// Small pure functions on text that several modules need.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lichen {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);  // blanks, tabs, CR, LF
std::string to_lower(std::string_view text);   // ASCII only
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);

// Lexically cleaned absolute path: "/a//b/../c/." -> "/a/c"; never climbs above "/". A relative
// `path` is taken from `base`.
std::string clean_path(std::string_view path, std::string_view base = "/");

// Escapes C0/C1 control characters other than tab, so that foreign text cannot drive a terminal.
// With `keep_colour`, SGR sequences (ESC [ … m) pass.
std::string printable(std::string_view text, bool keep_colour = false);

// The best of `candidates` within two edits of `word`, or "": for did-you-mean hints.
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

// RFC 3339 in UTC, "2026-11-24T16:07:11Z" or with nanoseconds when they are not zero.
std::string to_rfc3339(long long seconds, long nanoseconds = 0);

}  // namespace lichen
