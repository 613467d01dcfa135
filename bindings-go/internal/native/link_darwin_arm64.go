//go:build cgo

package native

import _ "builderaikits.com/sdk/lib/darwin_arm64" // links the core
