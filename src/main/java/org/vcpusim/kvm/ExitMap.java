package org.vcpusim.kvm;

import java.util.Optional;
import org.vcpusim.arch.VectorBitmap;

/**
 * Which vectors' EOIs a vCPU has to see.
 *
 * @param handled {@code ioapic_handled_vectors}: vectors whose EOI the IOAPIC wants
 * @param highestStale the highest vector that is in the set only because it was pending at the scan, or -1
 * @param synic the Hyper-V SynIC, whose vectors are in the bitmap too; empty where the vCPU has no Hyper-V context
 * @param pendingIoapicEoi {@code pending_ioapic_eoi}: the vector whose EOI user space's IOAPIC has not heard of, or -1
 * @param lastLoad whether the last load wrote to the VMCS; KVM does not remember, the audit wants to know
 */
public record ExitMap(
        VectorBitmap handled, int highestStale, Optional<HvSynic> synic, int pendingIoapicEoi, LastLoad lastLoad) {
    private static final int NO_EOI = -1;

    /** What became of the last load. */
    public enum LastLoad {
        WRITTEN,
        /** APICv was inactive. */
        SKIPPED
    }

    /** Before the first scan, without a Hyper-V context. */
    public static final ExitMap NONE = new ExitMap(VectorBitmap.EMPTY, -1, Optional.empty());

    /** With no EOI on its way to user space. */
    public ExitMap(VectorBitmap handled, int highestStale, Optional<HvSynic> synic) {
        this(handled, highestStale, synic, NO_EOI, LastLoad.WRITTEN);
    }

    ExitMap scanned(IoapicScan.Result result) {
        return new ExitMap(result.handled(), result.highestStale(), synic, pendingIoapicEoi, lastLoad);
    }

    /** With the EOI of {@code vector} on its way to user space. */
    ExitMap withPendingIoapicEoi(int vector) {
        return new ExitMap(handled, highestStale, synic, vector, lastLoad);
    }

    /** What a load writes into EOI_EXIT_BITMAP0 to 3. */
    VectorBitmap union() {
        return synic.map(HvSynic::vectors).map(handled::or).orElse(handled);
    }

    ExitMap with(HvSynic other) {
        return new ExitMap(handled, highestStale, Optional.of(other), pendingIoapicEoi, lastLoad);
    }

    ExitMap with(LastLoad other) {
        return new ExitMap(handled, highestStale, synic, pendingIoapicEoi, other);
    }

    /** With that EOI reported, or dropped. */
    ExitMap withoutPendingIoapicEoi() {
        return withPendingIoapicEoi(NO_EOI);
    }
}
