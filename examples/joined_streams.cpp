// joined_streams HOST PORT PORT2: reads orders "number item" from one TCP server and payments "number amount" from
// another; prints every second which orders of the last minute were paid, and which were not. Try it with `nc -lk 9998`
// and `nc -lk 9999`.
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

using OrderAndPayment = std::pair<std::string, std::pair<std::string, std::optional<std::string>>>;

bool hasTwoWords(std::string_view line) { return line.find(' ') != line.npos; }

std::pair<std::string_view, std::string_view> numberAndRest(std::string_view line) {
    const auto gap = line.find(' ');
    return {line.substr(0, gap), line.substr(gap + 1)};
}

bool isUnpaid(const OrderAndPayment& order) { return !order.second.second; }

int main(int argc, char** argv) try {
    if (argc != 4) {
        std::cerr << "usage: joined_streams HOST PORT PORT2\n";
        return 2;
    }
    Context sc("local[*]", "joined-streams");
    StreamingContext ssc(sc, 1s);
    auto orders = socketTextStream(ssc, argv[1], std::atoi(argv[2])).filter(hasTwoWords).map(numberAndRest);
    auto payments = socketTextStream(ssc, argv[1], std::atoi(argv[3])).filter(hasTwoWords).map(numberAndRest);

    auto ordered = orders.window(60s); // a payment may come later than its order, and even before it
    auto paid = payments.window(60s);
    ordered.join(paid).print();                           // (17,(boots,89))
    ordered.leftOuterJoin(paid).filter(isUnpaid).print(); // (18,(hat,None))

    ssc.stopOnSignal();
    ssc.start();
    ssc.awaitTermination();
} catch (const std::exception& error) {
    std::cerr << "joined_streams: " << error.what() << '\n';
    return 1;
}
