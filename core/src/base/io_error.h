#pragma once

#include "rivulet/error.h"

#include <string>
#include <string_view>

namespace rivulet::detail {

/// Makes "cannot <verb> '<path>'<how>: <text of the errno> (errno N); <what to do>".
///
/// A missing relative path is shown with the directory it was looked for in.
IoError ioError(std::string_view verb, const std::string& path, std::string_view how, int errorNumber);

} // namespace rivulet::detail
