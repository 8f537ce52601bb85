// A WASI command that uses the host's functions: of the SDK it takes the codec alone.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/myspinbot/spinbot/sdk/guest"
)

func main() {
	var in struct {
		Inputs struct{ URL string }
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		panic(err)
	}
	p, err := guest.HTTP(guest.Request{URL: in.Inputs.URL})
	if err == nil {
		_, err = guest.KV{}.Add("asked", 1)
	}
	if err != nil {
		fmt.Printf(`{"error": {"message": %q}}`, err.Error())
		return
	}
	fmt.Printf(`{"outputs": {"status": %d, "body": %q}}`, p.Status, p.Body)
}
