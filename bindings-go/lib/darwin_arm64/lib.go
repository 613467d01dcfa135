// Package lib is the SDK's core for macOS on 64-bit ARM: a static library, and how to link it.
//
// It is of no use by itself: builderaikits.com/sdk imports it where it fits.
package lib

// #cgo LDFLAGS: ${SRCDIR}/libbuilderaikits.a -framework Security -framework CoreFoundation -framework SystemConfiguration
import "C"
