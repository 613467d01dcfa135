// Package lib is the SDK's core for Windows on x86-64: a static library, and how to link it.
//
// It is of no use by itself: builderaikits.com/sdk imports it where it fits.
package lib

// #cgo LDFLAGS: ${SRCDIR}/libbuilderaikits.a -lws2_32 -luserenv -lntdll -lbcrypt -lcrypt32 -lncrypt -ladvapi32 -lsecur32
import "C"
