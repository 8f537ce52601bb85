//go:build !wasip1

package guest

func askHTTP([]byte) ([]byte, error) { return nil, outsideHost() }

func askKV([]byte) ([]byte, error) { return nil, outsideHost() }

func outsideHost() error {
	return &Error{Status: StatusRefused, Message: "host functions such as HTTP and KV exist only inside the host",
		Hint: "build the node with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared, and run it in a pipeline"}
}
