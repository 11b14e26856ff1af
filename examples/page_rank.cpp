// page_rank FILE: the ranks of pages after ten rounds, from lines "from to", each a link.
#include <rivulet/rivulet.h>

#include <iomanip>
#include <iostream>

using namespace rivulet;

using Page = std::string;

std::pair<std::string_view, std::string_view> edge(std::string_view line) {
    const auto gap = line.find(' ');
    if (gap == line.npos) throw std::invalid_argument("a line must be 'from to', not '" + std::string(line) + "'");
    return {line.substr(0, gap), line.substr(gap + 1)};
}

/// A page's rank, in equal parts to the pages that it links to.
std::vector<std::pair<Page, double>> contributions(const std::pair<std::vector<Page>, double>& linksAndRank) {
    const auto& [links, rank] = linksAndRank;
    std::vector<std::pair<Page, double>> parts;
    for (const Page& page : links) parts.emplace_back(page, rank / double(links.size()));
    return parts;
}

double damp(double sum) { return 0.15 + 0.85 * sum; }

/// Of equal ranks the name decides, so that the output is always the same.
bool ranksLower(const std::pair<Page, double>& a, const std::pair<Page, double>& b) {
    return std::tie(a.second, b.first) < std::tie(b.second, a.first);
}

int main(int argc, char** argv) try {
    auto conf = Conf("local[*]", "page-rank").applyArguments(argc, argv); // --conf key=value
    if (argc != 2) {
        std::cerr << "usage: page_rank FILE\n";
        return 2;
    }
    Context sc(conf);
    auto edges = sc.textFile(argv[1]).map(edge);
    auto links = edges.groupByKey(HashPartitioner(4)).cache(); // partitioned once: its joins never shuffle it again
    RDD<std::pair<Page, double>> ranks = links.mapValues([](const auto&) { return 1.0; });
    for (int i = 0; i < 10; ++i)
        ranks = links.join(ranks).values().flatMap(contributions).reduceByKey(std::plus<>()).mapValues(damp);
    for (auto& [page, rank] : ranks.top(10, ranksLower))
        std::cout << page << '\t' << std::fixed << std::setprecision(4) << rank << '\n';
} catch (const std::exception& error) {
    std::cerr << "page_rank: " << error.what() << '\n';
    return 1;
}
