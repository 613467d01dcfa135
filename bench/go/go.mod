module builderaikits.com/sdk/bench

go 1.26.0

require (
	builderaikits.com/sdk v0.1.0
	github.com/openai/openai-go/v3 v3.96.0
)

require (
	builderaikits.com/sdk/lib/darwin_amd64 v0.1.0 // indirect
	builderaikits.com/sdk/lib/darwin_arm64 v0.1.0 // indirect
	builderaikits.com/sdk/lib/linux_amd64 v0.1.0 // indirect
	builderaikits.com/sdk/lib/linux_arm64 v0.1.0 // indirect
	builderaikits.com/sdk/lib/windows_amd64 v0.1.0 // indirect
	github.com/coder/websocket v1.8.15 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
)

replace (
	builderaikits.com/sdk => ../../bindings-go
	builderaikits.com/sdk/lib/darwin_amd64 => ../../bindings-go/lib/darwin_amd64
	builderaikits.com/sdk/lib/darwin_arm64 => ../../bindings-go/lib/darwin_arm64
	builderaikits.com/sdk/lib/linux_amd64 => ../../bindings-go/lib/linux_amd64
	builderaikits.com/sdk/lib/linux_arm64 => ../../bindings-go/lib/linux_arm64
	builderaikits.com/sdk/lib/windows_amd64 => ../../bindings-go/lib/windows_amd64
)
