//go:build cgo

package native

import _ "builderaikits.com/sdk/lib/windows_amd64" // links the core
