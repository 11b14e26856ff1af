// sessions HOST PORT [SECONDS]: reads clicks "user page" from a TCP server, and prints what each user's visit was when
// it is over: half an hour without a click, or so many seconds. Try it with `nc -lk 9999`.
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

struct Visit {
    long clicks = 0;
    std::string entry, exit; // the first page and the last
};

bool isClick(std::string_view line) { return line.find(' ') != line.npos; }

std::pair<std::string_view, std::string_view> userAndPage(std::string_view line) {
    const auto gap = line.find(' ');
    return {line.substr(0, gap), line.substr(gap + 1)};
}

/// Called for every click of a user, and once more, without one, when the visit is over. Nothing: print nothing yet.
std::optional<std::string> follow(Time, const std::string& user, std::optional<std::string> page, State<Visit>& state) {
    Visit visit = state.getOption().value_or(Visit());
    if (state.isTimingOut())
        return user + ": from " + visit.entry + " to " + visit.exit + ", clicks: " + std::to_string(visit.clicks);
    if (++visit.clicks == 1) visit.entry = *page;
    visit.exit = *page;
    state.update(visit);
    return std::nullopt;
}

int main(int argc, char** argv) try {
    if (argc != 3 && argc != 4) {
        std::cerr << "usage: sessions HOST PORT [SECONDS]\n";
        return 2;
    }
    const Duration quiet = argc == 4 ? std::chrono::seconds(std::atoi(argv[3])) : 30min;
    Context sc("local[*]", "sessions");
    StreamingContext ssc(sc, 1s);
    auto clicks = socketTextStream(ssc, argv[1], std::atoi(argv[2])).filter(isClick).map(userAndPage);
    auto visits = clicks.mapWithState(StateSpec::function(follow).timeout(quiet)).uid("visits");

    visits.foreachRDD([](const RDD<std::string>& ended) {
        for (const auto& visit : ended.collect()) std::cout << visit << std::endl; // anna: from / to /cart, clicks: 3
    });
    ssc.stopOnSignal();
    ssc.start();
    ssc.awaitTermination();
} catch (const std::exception& error) {
    std::cerr << "sessions: " << error.what() << '\n';
    return 1;
}
