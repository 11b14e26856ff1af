#include "table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace {

constexpr int kCountWidth = 12;
constexpr int kWidestTable = 46; // wider ones are hard to read across
constexpr int kGap = 4;
constexpr int kNarrowestPair = 58;
constexpr int kOtherRows = 8; // what is not words: title, headings, figures, blank lines, the cursor's own

std::string format(const char* pattern, double number) {
    char text[32];
    std::snprintf(text, sizeof text, pattern, number);
    return text;
}

/// A row of the top words; blank where there are not so many.
std::string row(const std::vector<WordCount>& top, std::size_t index, int width) {
    if (index >= top.size()) return std::string(std::size_t(width), ' ');
    const auto& [word, count] = top[index];
    const int countWidth = std::min(kCountWidth, width / 2);
    return leftAligned(word, width - countWidth) + rightAligned(withSeparators(count), countWidth);
}

} // namespace

std::string milliseconds(std::chrono::microseconds time) {
    const double ms = double(time.count()) / 1000;
    return format(ms < 10 ? "%.2f ms" : ms < 100 ? "%.1f ms" : "%.0f ms", ms);
}

std::vector<std::string> table(const Screen& screen, const std::string& title, const std::string& clock,
                               const std::string& window, std::size_t top, const Progress::Shown& shown) {
    const int columns = std::max(screen.columns() - 1, 1);
    const bool isPair = columns >= kNarrowestPair;
    const int width = isPair ? std::min((columns - kGap) / 2, kWidestTable) : std::min(columns, kWidestTable);
    const int total = isPair ? 2 * width + kGap : width;
    const std::string gap(kGap, ' ');

    std::vector<std::string> lines;
    const int clockWidth = std::min(int(clock.size()), total);
    lines.push_back(screen.bold(leftAligned(title, std::max(total - clockWidth - 1, 0))) + " " +
                    std::string(clock, 0, std::size_t(clockWidth)));
    lines.emplace_back();
    const std::string left = leftAligned(window, width);
    lines.push_back(screen.dim(isPair ? left + gap + leftAligned("since the start", width) : left));
    const auto rows = std::min<std::size_t>(top, std::size_t(std::max(screen.rows() - kOtherRows, 1)));
    for (std::size_t i = 0; i < rows; ++i) {
        const std::string words = row(shown.windowTop, i, width);
        lines.push_back(isPair ? words + gap + row(shown.totals.top, i, width) : words);
    }
    lines.emplace_back();

    struct Figure {
        const char* name;
        std::string value;
    };
    const Figure figures[] = {{"records/s", withSeparators(std::lround(shown.recent.recordsPerSecond))},
                              {"records", withSeparators(shown.records)},
                              {"processing", milliseconds(shown.recent.processing)},
                              {"words", withSeparators(shown.totals.words)},
                              {"delay", milliseconds(shown.recent.delay)},
                              {"distinct words", withSeparators(shown.totals.distinct)}};
    for (std::size_t i = 0; i < std::size(figures); ++i) {
        const auto& [name, value] = figures[i];
        const int valueWidth = std::min(int(value.size()), width);
        std::string figure = screen.dim(leftAligned(name, width - valueWidth)) + value;
        if (isPair && i % 2 == 1)
            lines.back() += gap + figure;
        else if (isPair || i % 2 == 0) // a narrow terminal has no room for those of the right side
            lines.push_back(std::move(figure));
    }
    return lines;
}

std::string tableLine(double seconds, const Progress::Shown& shown) {
    std::string line = rightAligned(format("%.0f s", seconds), 6) + rightAligned(withSeparators(shown.batches), 8) +
                       " batches" + rightAligned(withSeparators(std::lround(shown.recent.recordsPerSecond)), 11) +
                       " records/s" + "   processing" + rightAligned(milliseconds(shown.recent.processing), 9) +
                       "   delay" + rightAligned(milliseconds(shown.recent.delay), 9) + "  ";
    for (std::size_t i = 0; i < std::min<std::size_t>(shown.windowTop.size(), 3); ++i) {
        const auto& [word, count] = shown.windowTop[i];
        line += ' ';
        line += leftAligned(word, 12) + rightAligned(withSeparators(count), 7);
    }
    return line;
}
