#include "oci/conversion.h"

#include <gtest/gtest.h>

namespace lichen::oci {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a'), kB = "sha256:" + std::string(64, 'b'),
                  kC = "sha256:" + std::string(64, 'c');

// What skopeo 1.9.3 makes of such a config.
TEST(Conversion, ConfigsHaveSkopeosBytes) {
  const std::string docker =
      R"({"architecture":"amd64","config":{"Hostname":"h","User":"u<&>","ExposedPorts":{"80/tcp":{},"443/tcp":{}},)"
      R"("Env":["PATH=/bin","A=é\u2028\b"],"Cmd":["sh","-c","a && b"],"Healthcheck":{"Test":["CMD","x"]},"ArgsEscaped":true,)"
      R"("Image":"x","Volumes":{"/v":{}},"WorkingDir":"/w","Entrypoint":null,"OnBuild":["RUN x"],"Labels":{"b":"2","a":"1"},)"
      R"("StopSignal":"SIGTERM","Shell":["/bin/bash"]},"container":"abc","created":"2023-11-14T22:13:20.100Z",)"
      R"("docker_version":"20","author":"me","variant":"v8","os.version":"1","os.features":["f"],)"
      R"("history":[{"created":"2023-11-14T22:13:20.0+00:00","created_by":"ADD <file>"},)"
      R"({"created":"2023-11-14T22:13:20.123456789+02:00","created_by":"CMD","empty_layer":true,"comment":"c","author":"x"}],)"
      R"("id":"zz","os":"linux","rootfs":{"type":"layers","diff_ids":[")" +
      kA + R"("]}})";
  const auto made = to_oci_config(docker);
  ASSERT_TRUE(made) << to_text(made.error());
  EXPECT_EQ(
      *made,
      R"({"created":"2023-11-14T22:13:20.1Z","author":"me","architecture":"amd64","variant":"v8","os":"linux","os.version":"1",)"
      R"("os.features":["f"],"config":{"User":"u\u003c\u0026\u003e","ExposedPorts":{"443/tcp":{},"80/tcp":{}},)"
      R"("Env":["PATH=/bin","A=é\u2028\u0008"],"Cmd":["sh","-c","a \u0026\u0026 b"],"Volumes":{"/v":{}},"WorkingDir":"/w",)"
      R"("Labels":{"a":"1","b":"2"},"StopSignal":"SIGTERM","ArgsEscaped":true},"rootfs":{"type":"layers","diff_ids":[")" +
          kA +
          R"("]},"history":[{"created":"2023-11-14T22:13:20Z","created_by":"ADD \u003cfile\u003e"},)"
          R"({"created":"2023-11-14T22:13:20.123456789+02:00","created_by":"CMD","author":"x","comment":"c","empty_layer":true}]})");
  EXPECT_EQ(to_oci_config("{}").value_or(""),
            R"({"architecture":"","os":"","config":{},"rootfs":{"type":"","diff_ids":null}})");
  for (const char* bad :
       {"", "[]", R"({"created":"yesterday"})", R"({"created":"2023-11-14T22:13:20"})",
        R"({"created":"2023-11-14T22:13:20.5.Z"})", R"({"config":{"Env":"x"}})"})
    EXPECT_FALSE(to_oci_config(bad)) << bad;
}

TEST(Conversion, DocumentsNameWhatWasMade) {
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":)"
      R"({"mediaType":"application/vnd.docker.container.image.v1+json","size":7,"digest":")" +
      kA +
      R"("},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":9,"digest":")" +
      kB + R"("}]})";
  const std::map<Digest, Descriptor> replaced = {
      {*Digest::parse(kA), {.media_type = kConfigType, .digest = *Digest::parse(kC), .size = 70}}};
  const auto made = to_oci_document(manifest, replaced);
  ASSERT_TRUE(made) << to_text(made.error());
  EXPECT_EQ(
      *made,
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)"
      R"({"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
          kC +
          R"(","size":70},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":")" +
          kB + R"(","size":9}]})");
  const std::string list =
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[)"
      R"({"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":7,"digest":")" +
      kA +
      R"(","platform":{"architecture":"arm64","os":"linux","os.version":"1","features":["sse4"],"variant":"v8","os.features":["a"]}}]})";
  EXPECT_EQ(
      to_oci_document(list, {}).value_or(""),
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)"
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
          kA +
          R"(","size":7,"platform":{"architecture":"arm64","os":"linux","os.version":"1","os.features":["a"],"variant":"v8"}}]})");
  std::string foreign = manifest;
  foreign.replace(foreign.find("diff.tar.gzip"), 13, "foreign.diff.tar.gzip");
  EXPECT_EQ(to_oci_document(foreign, {}).error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace lichen::oci
