// Package lib is the SDK's core for Linux on x86-64: a static library, and how to link it.
//
// It is of no use by itself: builderaikits.com/sdk imports it where it fits.
package lib

/*
#cgo LDFLAGS: ${SRCDIR}/libbuilderaikits.a -lm -lpthread -static-libgcc

#include <stdint.h>
#ifndef __GLIBC__
#if !__has_include("has_musl.h")
#error "builderaikits: libbuilderaikits.a was built for glibc alone; `make go-pack` builds it for musl as well"
#endif
#endif
*/
import "C"
