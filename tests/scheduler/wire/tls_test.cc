// Credentials, channels and servers together, over loopback sockets.
#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/base/errors.h"
#include "scheduler/wire/channel.h"
#include "scheduler/wire/credentials.h"
#include "scheduler/wire/peer.h"
#include "scheduler/wire/server.h"
#include "scheduler/wire/status.h"

namespace heliotrope::wire {
namespace {

using ::testing::HasSubstr;

// A certificate authority that lives as long as the test.
struct Identity {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;

  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
};

void AddExtension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself when that is null.
void Make(Identity& made, const char* common_name, const char* country, const Identity* issuer) {
  made.key = EVP_EC_gen("P-256");
  made.certificate = X509_new();
  X509_set_version(made.certificate, 2);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made.certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.certificate), 3600);
  X509_set_pubkey(made.certificate, made.key);
  X509_NAME* name = X509_get_subject_name(made.certificate);
  const auto add = [name](const char* field, const char* value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(value), -1, -1, 0);
  };
  if (country != nullptr) add("C", country);
  add("CN", common_name);
  X509_set_issuer_name(
      made.certificate,
      X509_get_subject_name(issuer == nullptr ? made.certificate : issuer->certificate));
  if (issuer == nullptr) AddExtension(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(made.certificate, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  X509_sign(made.certificate, issuer == nullptr ? made.key : issuer->key, EVP_sha256());
}

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/wire_tls_test.XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    Make(ca_, "Test CA", nullptr, nullptr);
    Write("ca", ca_);
    Identity node;
    Make(node, "node-1", "de", &ca_);
    Write("node", node);
    Identity stranger;
    Make(stranger, "stranger", "US", nullptr);
    Write("stranger", stranger);
  }

  void TearDown() override {
    for (const char* name : {"ca", "node", "stranger"}) {
      unlink(Path(name, "crt").c_str());
      unlink(Path(name, "key").c_str());
    }
    rmdir(directory_.c_str());
  }

  std::string Path(const std::string& name, const std::string& suffix) const {
    return directory_ + "/" + name + "." + suffix;
  }

  void Write(const std::string& name, const Identity& identity) {
    FILE* certificate = std::fopen(Path(name, "crt").c_str(), "w");
    PEM_write_X509(certificate, identity.certificate);
    std::fclose(certificate);
    FILE* key = std::fopen(Path(name, "key").c_str(), "w");
    PEM_write_PrivateKey(key, identity.key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(key);
  }

  TlsFiles Files(const std::string& name) const {
    return {.ca = Path("ca", "crt"), .cert = Path(name, "crt"), .key = Path(name, "key")};
  }

  std::string directory_;
  Identity ca_;
};

// Answers with who asks.
class Fleet final : public v1::FleetService::CallbackService {
  grpc::ServerUnaryReactor* GetScheduler(grpc::CallbackServerContext* context,
                                         const v1::GetSchedulerRequest*,
                                         v1::Scheduler* response) override {
    const auto auth = context->auth_context();
    response->set_version(PeerCountry(*auth).value_or("nowhere") + "/" +
                          PeerCommonName(*auth).value_or("nobody"));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

absl::StatusOr<std::string> Ask(const std::string& address, const Credentials& credentials) {
  auto channel = MakeChannel(address, credentials);
  if (!channel.ok()) return channel.status();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::Scheduler response;
  const grpc::Status status =
      v1::FleetService::NewStub(*channel)->GetScheduler(&context, {}, &response);
  if (!status.ok()) return FromGrpc(status);
  return response.version();
}

TEST_F(TlsTest, TheServerLearnsThePeersCountryAndName) {
  const auto credentials = MakeCredentials(Files("node"));
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  Fleet fleet;
  const auto server = StartServer("127.0.0.1:0", *credentials, {&fleet});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto answer = Ask(server->address, *credentials);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "DE/node-1");
}

TEST_F(TlsTest, WhoHasNoCertificateOfTheAuthorityIsRefused) {
  const auto credentials = MakeCredentials(Files("node"));
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  Fleet fleet;
  const auto server = StartServer("127.0.0.1:0", *credentials, {&fleet});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_FALSE(Ask(server->address, *MakeCredentials({})).ok());
  const auto stranger = MakeCredentials(Files("stranger"));
  ASSERT_TRUE(stranger.ok()) << stranger.status();
  EXPECT_FALSE(Ask(server->address, *stranger).ok());
}

TEST_F(TlsTest, WithoutCertificatesLoopbackWorksAndNobodyIsKnown) {
  const auto open = MakeCredentials({});
  ASSERT_TRUE(open.ok());
  Fleet fleet;
  const auto server = StartServer("127.0.0.1:0", *open, {&fleet});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(*Ask(server->address, *open), "nowhere/nobody");
  EXPECT_EQ(StartServer("0.0.0.0:0", *open, {&fleet}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(TlsTest, ATakenPortIsAnErrorNotASecondListener) {
  const auto open = MakeCredentials({});
  Fleet first;
  const auto server = StartServer("127.0.0.1:0", *open, {&first});
  ASSERT_TRUE(server.ok());
  Fleet second;
  const auto again = StartServer(server->address, *open, {&second});
  EXPECT_EQ(GetReason(again.status()), "CANNOT_LISTEN");
}

TEST_F(TlsTest, WrongFilesAreNamed) {
  TlsFiles partly = Files("node");
  partly.key.clear();
  EXPECT_THAT(std::string(MakeCredentials(partly).status().message()), HasSubstr("tls.key"));
  TlsFiles missing = Files("node");
  missing.ca = directory_ + "/none";
  EXPECT_EQ(MakeCredentials(missing).status().code(), absl::StatusCode::kNotFound);
  TlsFiles mixed = Files("node");
  mixed.key = Path("stranger", "key");
  EXPECT_THAT(std::string(MakeCredentials(mixed).status().message()), HasSubstr("does not belong"));
  TlsFiles swapped = Files("node");
  swapped.cert = Path("node", "key");
  EXPECT_THAT(std::string(MakeCredentials(swapped).status().message()),
              HasSubstr("has no PEM certificate"));
}

}  // namespace
}  // namespace heliotrope::wire
