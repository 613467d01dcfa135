//go:build cgo

package native

import _ "builderaikits.com/sdk/lib/linux_arm64" // links the core
