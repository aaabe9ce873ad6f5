#include "attest/statement.h"

#include "oci/json.h"

namespace lichen::attest {

namespace json = oci::json;

namespace {

constexpr char kStatementType[] = "https://in-toto.io/Statement/v1";

}  // namespace

Statement make_statement(const std::string& predicate_type, const std::string& predicate,
                         const std::vector<Subject>& subjects) {
  std::vector<std::string> list;
  for (const Subject& subject : subjects)
    list.push_back(json::ObjectWriter()
                       .text("name", subject.name)
                       .map_unless_empty("digest", {{"sha256", subject.digest.hex()}})
                       .finish());
  return {.predicate_type = predicate_type,
          .json = json::ObjectWriter()
                      .text("_type", kStatementType)
                      .text("predicateType", predicate_type)
                      .raw("subject", json::array(list))
                      .raw("predicate", predicate)
                      .finish()};
}

Result<Statement> adopt_statement(const std::string& bytes, const std::vector<Subject>& subjects) {
  const json::Value document = TRY(json::parse(bytes, "statement", kMaxStatementBytes));
  const json::Node root("statement", document);
  const std::string type = TRY(TRY(root.member("_type")).text());
  if (type.empty()) return make_statement(kSpdxPredicate, json::dump(document), subjects);
  const std::string predicate_type = TRY(TRY(root.member("predicateType")).text());
  if (predicate_type.empty()) return fail(root.wrong("has no predicateType"));
  const json::Node predicate = TRY(root.member("predicate"));
  if (predicate.absent()) return fail(predicate.wrong("is missing"));
  return make_statement(predicate_type, json::dump(*predicate.value()), subjects);
}

}  // namespace lichen::attest
