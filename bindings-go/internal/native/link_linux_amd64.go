//go:build cgo

package native

import _ "builderaikits.com/sdk/lib/linux_amd64" // links the core
