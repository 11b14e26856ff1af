#include "screen.h"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cwchar>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace {

winsize terminalSize() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
        size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    return size;
}

bool isSet(const char* variable) {
    const char* value = std::getenv(variable);
    return value && *value;
}

void writeAll(std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return; // nobody reads any more; the demo ends as it would
        text.remove_prefix(std::size_t(size));
    }
}

} // namespace

Screen::Screen() {
    std::setlocale(LC_CTYPE, ""); // which bytes are one character
    const char* term = std::getenv("TERM");
    isTerminal_ = ::isatty(STDOUT_FILENO) && term && *term && std::string_view(term) != "dumb";
    hasColor_ = isTerminal_ && !isSet("NO_COLOR");
}

int Screen::columns() const { return terminalSize().ws_col; }
int Screen::rows() const { return terminalSize().ws_row; }

std::string Screen::styled(const char* style, const std::string& text) const {
    return hasColor_ ? std::string("\x1b[") + style + "m" + text + "\x1b[0m" : text;
}

void Screen::draw(const std::vector<std::string>& lines) {
    std::string frame = "\x1b[?25l";
    if (const int now = columns(); now != std::exchange(drawnColumns_, now) && drawnLines_ > 0)
        frame += "\x1b[H"; // lines have been wrapped anew: where the last frame began is not known
    else if (drawnLines_ > 0)
        frame += "\x1b[" + std::to_string(drawnLines_) + "A";
    frame += '\r';
    for (const std::string& line : lines) frame += line + "\x1b[K\n";
    frame += "\x1b[J\x1b[?25h";
    drawnLines_ = lines.size();
    writeAll(frame);
}

void Screen::print(const std::string& line) { writeAll(line + "\n"); }

std::string withSeparators(long number) {
    std::string text = std::to_string(number);
    for (long at = long(text.size()) - 3, first = number<0; at> first; at -= 3) text.insert(std::size_t(at), 1, ',');
    return text;
}

std::string leftAligned(std::string_view text, int width) {
    std::string shown;
    int columns = 0;
    std::mbstate_t state{};
    while (!text.empty()) {
        wchar_t character = 0;
        std::size_t size = std::mbrtowc(&character, text.data(), text.size(), &state);
        int wide = size > 0 && size <= text.size() ? ::wcwidth(character) : -1;
        std::string_view bytes = text.substr(0, size);
        if (wide <= 0) {
            state = {};
            size = 1;
            wide = 1;
            bytes = "?";
        }
        if (columns + wide > width || (columns + wide == width && text.size() > size)) {
            if (columns < width) shown += '.', ++columns;
            break;
        }
        shown += bytes;
        columns += wide;
        text.remove_prefix(size);
    }
    return shown.append(std::size_t(std::max(width - columns, 0)), ' ');
}

std::string rightAligned(std::string_view text, int width) {
    return std::string(std::size_t(std::max(width - int(text.size()), 0)), ' ') + std::string(text);
}
