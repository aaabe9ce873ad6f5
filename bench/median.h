// How benches in C++ measure: medians of ROUNDS (5).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

inline int rounds() {
  const char* text = std::getenv("ROUNDS");
  return text == nullptr ? 5 : std::max(1, std::atoi(text));
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Work>
double seconds_of(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class Work>
double median_seconds(Work work) {
  std::vector<double> seconds;
  for (int round = 0; round < rounds(); ++round) seconds.push_back(seconds_of(work));
  return median(std::move(seconds));
}
