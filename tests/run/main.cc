// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// main() of the run tests: becomes the user that the suite is for, then runs the tests.
//
//   GLOVEBOX_TEST_AS=user   when root: drop to GLOVEBOX_TEST_USER (default glovebox-test)
//   GLOVEBOX_TEST_AS=root   skip unless root
//   GLOVEBOX_TEST_NO_SKIP=1 a skip for any reason but a kernel feature that is missing is a failure

#include "harness.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace glovebox::test;

constexpr int kSkipped = 77; // to Meson, as to Automake

std::string variable(const char* name)
{
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Ends the program where this cannot be done: a test as root would prove nothing.
void become_test_user()
{
    const std::string chosen = variable("GLOVEBOX_TEST_USER");
    const std::string name = chosen.empty() ? "glovebox-test" : chosen;
    const struct ::passwd* const user = ::getpwnam(name.c_str());
    if (user == nullptr) {
        std::fprintf(stderr, "there is no user %s to run the tests as: useradd --create-home %s, or name one in GLOVEBOX_TEST_USER\n",
                     name.c_str(), name.c_str());
        std::exit(1);
    }
    if (::setgroups(0, nullptr) < 0 || ::setgid(user->pw_gid) < 0 || ::setuid(user->pw_uid) < 0) {
        std::perror("cannot become the test user");
        std::exit(1);
    }
    ::setenv("HOME", user->pw_dir, 1);
    ::setenv("USER", name.c_str(), 1);
    ::setenv("LOGNAME", name.c_str(), 1);
}

void check_programs()
{
    for (const char* program : {kGlovebox, kProbe, kDenySyscall})
        if (::access(program, X_OK) < 0) {
            std::fprintf(stderr, "user %u cannot run %s: every folder above it must be searchable (chmod a+x)\n",
                         ::getuid(), program);
            std::exit(1);
        }
}

/// Counts the skips that must not be.
class SkipCounter : public testing::EmptyTestEventListener {
public:
    void OnTestPartResult(const testing::TestPartResult& result) override
    {
        if (result.skipped() && !std::string_view(result.message()).contains(kMissingFeature))
            ++forbidden_;
    }

    [[nodiscard]] int forbidden() const { return forbidden_; }

private:
    int forbidden_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    testing::InitGoogleTest(&argc, argv);
    const std::string as = variable("GLOVEBOX_TEST_AS");
    const bool no_skip = variable("GLOVEBOX_TEST_NO_SKIP") == "1";
    if (as == "root" && ::geteuid() != 0) {
        std::puts("SKIP: these are the tests as root, and this is not root");
        return no_skip ? 1 : kSkipped;
    }
    if (as == "user" && ::geteuid() == 0)
        become_test_user();
    check_programs();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // GTest owns it.
    auto* const counter = new SkipCounter;
    testing::UnitTest::GetInstance()->listeners().Append(counter);
    const int result = RUN_ALL_TESTS();
    if (no_skip && counter->forbidden() > 0) {
        std::printf("%d tests were skipped for another reason than a missing kernel feature\n", counter->forbidden());
        return 1;
    }
    const testing::UnitTest& tests = *testing::UnitTest::GetInstance();
    return tests.test_to_run_count() > 0 && tests.skipped_test_count() == tests.test_to_run_count() ? kSkipped : result;
}
