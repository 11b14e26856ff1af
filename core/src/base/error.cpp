#include "rivulet/error.h"

#include <cxxabi.h>
#include <typeinfo>

namespace rivulet {
namespace {

std::string_view fileName(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

std::string position(const std::source_location& where) {
    return std::string(fileName(where.file_name())) + ":" + std::to_string(where.line());
}

} // namespace

UsageError::UsageError(const std::string& message, std::source_location where)
    : Error(message + " [at " + position(where) + "]"),
      message_(std::make_shared<const std::string>(message)),
      where_(where) {}

std::string CallSite::text() const { return std::string(operation) + " at " + position(where); }

std::string detail::messageOf(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (const std::string& text) {
        return text;
    } catch (const char* text) {
        return text;
    } catch (...) {
        const std::type_info* type = abi::__cxa_current_exception_type();
        int status = 0;
        char* name = type ? abi::__cxa_demangle(type->name(), nullptr, nullptr, &status) : nullptr;
        std::string message = "an exception of type " + std::string(name ? name : "unknown");
        std::free(name);
        return message;
    }
}

} // namespace rivulet
