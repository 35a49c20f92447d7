#pragma once
// A test harness of one page: CHECKs report and count, a test program fails if any did or if it had no test.

#include <exception>
#include <iostream>
#include <sstream>
#include <string>

namespace check {

using Test = void (*)();

bool add(const char* name, Test test);
void fail(const char* file, int line, const std::string& message);

template <class A, class B>
void equal(const char* file, int line, const char* text, const A& actual, const B& expected) {
  if (actual == expected) return;
  std::ostringstream message;
  message.precision(17);
  message << text << " is " << actual << ", not " << expected;
  fail(file, line, message.str());
}

template <class Error, class Call>
void throws(const char* file, int line, const char* expected, const Call& call) {
  try {
    call();
    fail(file, line, std::string("nothing thrown, instead of: ") + expected);
  } catch (const Error& error) {
    equal(file, line, "the message", std::string(error.what()), std::string(expected));
  } catch (const std::exception& error) {
    fail(file, line, std::string("another type thrown, with the message: ") + error.what());
  }
}

}  // namespace check

#define TEST(name)                                          \
  static void name();                                       \
  static const bool name##_added = check::add(#name, name); \
  static void name()
#define CHECK(condition) ((condition) ? void() : check::fail(__FILE__, __LINE__, #condition))
#define CHECK_EQUAL(actual, expected) check::equal(__FILE__, __LINE__, #actual, actual, expected)
#define CHECK_THROWS(Error, expected, ...) check::throws<Error>(__FILE__, __LINE__, expected, [&] { __VA_ARGS__; })
