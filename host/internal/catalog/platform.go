package catalog

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// headBytes are enough of a program to see what it was built for.
const headBytes = 4096

// Platforms says what a program was built for, such as "linux/amd64", as far as its first bytes tell. None: it may run
// anywhere, as a script does.
func Platforms(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return platformsOf(head[:n]), nil
}

// CheckPlatform refuses a program that was built for other platforms than that one.
func CheckPlatform(path, platform string) error {
	found, err := Platforms(path)
	if err != nil || len(found) == 0 || slices.Contains(found, platform) {
		return err
	}
	return fmt.Errorf("its program was built for %s, and that machine is %s; install the plugin there as built for it", found[0], platform)
}

func platformsOf(head []byte) []string {
	switch {
	case len(head) >= 20 && bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return elfPlatforms(head)
	case len(head) >= 8 && binary.LittleEndian.Uint32(head) == macho.Magic64:
		return darwin(binary.LittleEndian.Uint32(head[4:]))
	case len(head) >= 8 && binary.BigEndian.Uint32(head) == macho.MagicFat:
		return fatPlatforms(head)
	case len(head) >= 64 && bytes.HasPrefix(head, []byte("MZ")):
		return pePlatforms(head)
	}
	return nil
}

var elfArch = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_386: "386", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm",
	elf.EM_RISCV: "riscv64", elf.EM_S390: "s390x", elf.EM_LOONGARCH: "loong64"}

var elfSystem = map[elf.OSABI]string{elf.ELFOSABI_NONE: "linux", elf.ELFOSABI_LINUX: "linux", elf.ELFOSABI_FREEBSD: "freebsd",
	elf.ELFOSABI_NETBSD: "netbsd", elf.ELFOSABI_OPENBSD: "openbsd"}

func elfPlatforms(head []byte) []string {
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	machine := elf.Machine(order.Uint16(head[18:]))
	arch := elfArch[machine]
	if machine == elf.EM_PPC64 {
		arch = "ppc64"
		if order == binary.LittleEndian {
			arch = "ppc64le"
		}
	}
	system := elfSystem[elf.OSABI(head[elf.EI_OSABI])]
	if arch == "" || system == "" {
		return nil
	}
	return []string{system + "/" + arch}
}

var darwinArch = map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}

func darwin(cpu uint32) []string {
	if arch := darwinArch[macho.Cpu(cpu)]; arch != "" {
		return []string{"darwin/" + arch}
	}
	return nil
}

// fatPlatforms reads a Mach-O file for several processors. A Java class begins alike, with a larger number.
func fatPlatforms(head []byte) (out []string) {
	n := int(binary.BigEndian.Uint32(head[4:]))
	if n > 16 {
		return nil
	}
	for i := range n {
		if at := 8 + 20*i; at+4 <= len(head) {
			out = append(out, darwin(binary.BigEndian.Uint32(head[at:]))...)
		}
	}
	return out
}

func pePlatforms(head []byte) []string {
	at := int64(binary.LittleEndian.Uint32(head[60:]))
	if at+6 > int64(len(head)) || !bytes.HasPrefix(head[at:], []byte("PE\x00\x00")) {
		return nil
	}
	switch binary.LittleEndian.Uint16(head[at+4:]) {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return []string{"windows/amd64"}
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return []string{"windows/arm64"}
	case pe.IMAGE_FILE_MACHINE_I386:
		return []string{"windows/386"}
	}
	return nil
}
