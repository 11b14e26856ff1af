#pragma once

#include "rivulet/acked_stream.h"
#include "rivulet/file_stream.h"
#include "rivulet/socket_stream.h"
#include "rivulet/streaming.h"
