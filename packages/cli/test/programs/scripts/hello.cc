#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <stdexcept>
#include <thread>
#include <vector>

int main() {
  std::vector<int> numbers{3, 1, 2};
  std::sort(numbers.begin(), numbers.end());
  for (int number : numbers) std::cout << number;
  std::thread([] { std::cout << " in a thread\n"; }).join();
  try {
    throw std::runtime_error("thrown");
  } catch (const std::exception &error) {
    std::cout << error.what() << "\n";
  }
  std::cout << std::regex_match("abc", std::regex("a.c")) << "\n";
  std::ofstream("made") << "12345";
  for (const auto &entry : std::filesystem::directory_iterator("."))
    if (entry.path().filename() == "made") std::cout << entry.file_size() << "\n";
}
