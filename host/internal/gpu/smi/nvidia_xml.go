package smi

// The parts of nvidia-smi -q -x that are read, in the names of its versions 11 to 13 (nvsmi_device_v13.dtd).

type nvidiaLog struct {
	Driver string      `xml:"driver_version"`
	GPUs   []nvidiaGPU `xml:"gpu"`
}

type nvidiaGPU struct {
	ID           string           `xml:"id,attr"`
	UUID         string           `xml:"uuid"`
	Name         string           `xml:"product_name"`
	Architecture string           `xml:"product_architecture"`
	PCI          string           `xml:"pci>pci_bus_id"`
	MIG          string           `xml:"mig_mode>current_mig"`
	Parts        []nvidiaPart     `xml:"mig_devices>mig_device"`
	Memory       nvidiaMemory     `xml:"fb_memory_usage"`
	Utilisation  string           `xml:"utilization>gpu_util"`
	Temperature  string           `xml:"temperature>gpu_temp"`
	Power        nvidiaPower      `xml:"gpu_power_readings"`
	OldPower     nvidiaPower      `xml:"power_readings"` // up to version 11
	Processes    *nvidiaProcesses `xml:"processes"`

	ECC           nvidiaECC `xml:"ecc_errors>volatile"`
	RemapPending  string    `xml:"remapped_rows>remapped_row_pending"`
	RemapFailure  string    `xml:"remapped_rows>remapped_row_failure"`
	RetirePending string    `xml:"retired_pages>pending_retirement"`
	ResetRequired string    `xml:"gpu_reset_status>reset_required"`
	Action        string    `xml:"gpu_recovery_action"` // from version 12 on
}

type nvidiaPart struct {
	Index    int          `xml:"index"`
	Instance string       `xml:"gpu_instance_id"`
	Memory   nvidiaMemory `xml:"fb_memory_usage"`
}

type nvidiaMemory struct {
	Total string `xml:"total"`
	Used  string `xml:"used"`
	Free  string `xml:"free"`
}

type nvidiaPower struct {
	Draw    string `xml:"power_draw"`
	Average string `xml:"average_power_draw"`
	Instant string `xml:"instant_power_draw"`
}

// nvidiaECC is errors since the driver was loaded, under the names of different generations.
type nvidiaECC struct {
	SRAM   string `xml:"sram_uncorrectable"`
	Parity string `xml:"sram_uncorrectable_parity"`
	SECDED string `xml:"sram_uncorrectable_secded"`
	DRAM   string `xml:"dram_uncorrectable"`
	Double string `xml:"double_bit>total"`
}

type nvidiaProcesses struct {
	List []struct {
		Instance string `xml:"gpu_instance_id"`
		PID      int    `xml:"pid"`
		Name     string `xml:"process_name"`
		Memory   string `xml:"used_memory"`
	} `xml:"process_info"`
}
