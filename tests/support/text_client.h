#pragma once

#include "support/text_server.h"

namespace rivulet::test {

/// Connects to a port of the loopback.
inline Descriptor connectSocket(int port) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    return socket;
}
inline TextServer::Connection connectTo(int port) { return TextServer::Connection(connectSocket(port)); }

} // namespace rivulet::test
