package gpu

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// NUMA gives the memory node that a PCI device is at, by its address as NVIDIA ("00000000:65:00.0") or the kernel
// ("0000:65:00.0") writes it; nil when the machine has no such nodes, or does not tell.
func NUMA(pci string) *int { return numaOf("/sys/bus/pci/devices", pci) }

func numaOf(devices, pci string) *int {
	domain, rest, ok := strings.Cut(strings.ToLower(pci), ":")
	if !ok || len(domain) < 4 || strings.ContainsAny(rest, "/\\") {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(devices, domain[len(domain)-4:]+":"+rest, "numa_node"))
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

// WSL says whether this Linux runs inside Windows, where drivers do not tell which process uses a device.
func WSL() bool { return wslAt("/proc/sys/kernel/osrelease") }

func wslAt(file string) bool {
	raw, err := os.ReadFile(file)
	return err == nil && strings.Contains(strings.ToLower(string(raw)), "microsoft")
}
