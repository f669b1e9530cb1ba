package org.vcpusim.kvm;

/** How a change of the IOAPIC's redirection table reaches the EOI-exit bitmaps. */
public enum Protocol {
    /**
     * The VM broadcasts KVM_REQ_LOAD_EOI_EXITMAP to every vCPU; the load scans the table and writes the bitmap. The form
     * in which this project was first described.
     */
    LOAD_EOI_EXITMAP("load-eoi-exitmap"),
    /**
     * The VM sends KVM_REQ_SCAN_IOAPIC to the vCPUs that the old or the new entry addresses; each scans and raises
     * KVM_REQ_LOAD_EOI_EXITMAP on itself. Linux since 4.17.
     */
    SCAN_THEN_LOAD("scan-then-load");

    private final String key;

    Protocol(String key) {
        this.key = key;
    }

    /** The name in scenario files. */
    public String key() {
        return key;
    }

    /** The request that a change of the table raises. */
    public VcpuRequest tableRequest() {
        return this == LOAD_EOI_EXITMAP ? VcpuRequest.LOAD_EOI_EXITMAP : VcpuRequest.SCAN_IOAPIC;
    }
}
