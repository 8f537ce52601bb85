package host

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// secretOf reads a secret from the environment: that of the name api-key stands in SPINBOT_SECRET_API_KEY.
func secretOf(_ context.Context, name string) (string, error) {
	key := "SPINBOT_SECRET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	value := os.Getenv(key)
	if value == "" {
		return "", fmt.Errorf("secret %s has no value: set %s", name, key)
	}
	return value, nil
}
