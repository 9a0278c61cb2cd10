// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/latency_svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace tandem::benchmarks {

namespace {

constexpr double kWidth = 760, kHeight = 420;
constexpr double kLeft = 70, kRight = 20, kTop = 40, kBottom = 50;
constexpr double kTailMax = 4;  // decades of the tail: up to 99.99 %
constexpr std::array<const char*, 6> kColours = {"#1b6ca8", "#d1495b", "#66a182",
                                                 "#edae49", "#5c4d7d", "#444444"};

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string Format(const char* format, ...) {
  std::array<char, 512> text;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  return text.data();
}

/// 0 at 0 %, 1 at 90 %, 2 at 99 % ...
double Decades(double part) { return std::min(kTailMax, -std::log10(1 - part)); }

double Across(double decades) { return kLeft + decades / kTailMax * (kWidth - kLeft - kRight); }

struct Scale {
  double from, to;  ///< exponents of ten
  [[nodiscard]] double Up(double microseconds) const {
    const double part = (std::log10(microseconds) - from) / (to - from);
    return kHeight - kBottom - std::clamp(part, 0.0, 1.0) * (kHeight - kTop - kBottom);
  }
};

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor) + text +
         "</text>\n";
}

std::string Line(double x1, double y1, double x2, double y2) {
  return Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", x1, y1,
                x2, y2);
}

std::string Duration(double microseconds) {
  return microseconds < 1000 ? Format("%g us", microseconds) : Format("%g ms", microseconds / 1000);
}

std::string Grid(const Scale& scale) {
  std::string svg;
  struct Tick {
    double part;
    const char* name;
  };
  for (const Tick& tick : {Tick{0, "0"}, Tick{0.5, "50 %"}, Tick{0.9, "90 %"}, Tick{0.99, "99 %"},
                           Tick{0.999, "99.9 %"}, Tick{0.9999, "99.99 %"}}) {
    const double x = Across(Decades(tick.part));
    svg +=
        Line(x, kTop, x, kHeight - kBottom) + Text(x, kHeight - kBottom + 18, "middle", tick.name);
  }
  for (double exponent = scale.from; exponent <= scale.to; ++exponent) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, exponent);
      if (exponent == scale.to && factor > 1) break;
      svg += Line(kLeft, scale.Up(value), kWidth - kRight, scale.Up(value)) +
             Text(kLeft - 6, scale.Up(value) + 4, "end", Duration(value));
    }
  }
  return svg +
         Text((kLeft + kWidth) / 2, kHeight - 12, "middle", "share of round trips that took less");
}

}  // namespace

double Percentile(const std::vector<double>& sorted, double part) {
  const auto index = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted[std::min(index, sorted.size() - 1)];
}

std::string DrawDistributions(const std::string& title, const std::vector<Curve>& curves) {
  double least = 1e12, most = 0;
  for (const Curve& curve : curves) {
    least = std::min(least, curve.microseconds.front());
    most = std::max(most, Percentile(curve.microseconds, 1 - std::pow(10, -kTailMax)));
  }
  const Scale scale = {std::floor(std::log10(least)), std::ceil(std::log10(most))};
  std::string svg = Format(
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
                        "font-family=\"sans-serif\" font-size=\"12\">\n"
                        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
                        kWidth, kHeight) +
                    Text(kLeft, 24, "start", "<tspan font-size=\"15\">" + title + "</tspan>") +
                    Grid(scale);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const char* const colour = kColours[i % kColours.size()];
    svg += Format("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"", colour);
    for (double decades = 0; decades <= kTailMax; decades += 0.02) {
      const double value = Percentile(curves[i].microseconds, 1 - std::pow(10, -decades));
      svg += Format("%.1f,%.1f ", Across(decades), scale.Up(value));
    }
    const double y = kTop + 18 + 18 * static_cast<double>(i);
    svg += "\"/>\n" +
           Format("<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>\n",
                  kLeft + 14, y - 6, colour) +
           Text(kLeft + 36, y, "start", curves[i].name);
  }
  return svg + "</svg>\n";
}

}  // namespace tandem::benchmarks
