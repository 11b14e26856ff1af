#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What the demo writes on: a terminal, on which a frame replaces the one before, or a file or pipe.
///
/// The cursor is hidden only while a frame is written, and waits below it: whatever ends the program, there is nothing
/// to restore.
class Screen {
  public:
    /// Looks at standard output, TERM and NO_COLOR.
    Screen();

    /// Whether frames can be drawn; otherwise print lines.
    bool isTerminal() const { return isTerminal_; }
    /// Of the terminal now, which people resize.
    int columns() const;
    int rows() const;

    std::string bold(const std::string& text) const { return styled("1", text); }
    std::string dim(const std::string& text) const { return styled("2", text); }

    /// Draws the lines in the place of the frame before, in one write. They must not be wider than the terminal.
    void draw(const std::vector<std::string>& lines);
    /// Writes a line that stays.
    void print(const std::string& line);

  private:
    std::string styled(const char* style, const std::string& text) const;

    bool isTerminal_, hasColor_;
    std::size_t drawnLines_ = 0;
    int drawnColumns_ = 0;
};

/// 1234567 as 1,234,567.
std::string withSeparators(long number);
/// Text in a column of this width: cut off with a dot at its end, or filled up with blanks. What a terminal cannot show
/// in one column is a question mark.
std::string leftAligned(std::string_view text, int width);
std::string rightAligned(std::string_view text, int width);
