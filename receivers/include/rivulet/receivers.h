#pragma once

#include "rivulet/file_stream.h"
#include "rivulet/socket_stream.h"
#include "rivulet/streaming.h"
