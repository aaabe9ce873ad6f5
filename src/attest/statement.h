// in-toto statements: what is said (the predicate) about what (the subjects).
// https://github.com/in-toto/attestation, Statement v1. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace lichen::attest {

inline constexpr char kStatementMediaType[] = "application/vnd.in-toto+json";
inline constexpr char kSpdxPredicate[] = "https://spdx.dev/Document";
// Larger ones are refused, as BuildKit does.
inline constexpr std::size_t kMaxStatementBytes = 40u << 20;

struct Subject {
  std::string name;  // a package URL, a path, or "_"
  Digest digest;
};

struct Statement {
  std::string predicate_type;
  std::string json;  // all of it
};

// `predicate` is JSON.
Statement make_statement(const std::string& predicate_type, const std::string& predicate,
                         const std::vector<Subject>& subjects);
// A generator's file: a statement, of which the predicate is taken, or a predicate alone, which is
// SPDX then. Foreign bytes.
Result<Statement> adopt_statement(const std::string& bytes, const std::vector<Subject>& subjects);

}  // namespace lichen::attest
