package org.vcpusim.kvm;

import java.util.Optional;
import org.vcpusim.arch.VectorBitmap;

/**
 * Which vectors' EOIs a vCPU has to see.
 *
 * @param handled {@code ioapic_handled_vectors}: vectors whose EOI the IOAPIC wants
 * @param highestStale the highest vector that is in the set only because it was pending at the scan, or -1
 * @param synic vectors of the Hyper-V SynIC; empty where the vCPU has no Hyper-V context
 * @param pendingIoapicEoi {@code pending_ioapic_eoi}: the vector whose EOI user space's IOAPIC has not heard of, or -1
 */
public record ExitMap(VectorBitmap handled, int highestStale, Optional<VectorBitmap> synic, int pendingIoapicEoi) {
    private static final int NO_EOI = -1;

    /** Before the first scan, without a Hyper-V context. */
    public static final ExitMap NONE = new ExitMap(VectorBitmap.EMPTY, -1, Optional.empty());

    /** With no EOI on its way to user space. */
    public ExitMap(VectorBitmap handled, int highestStale, Optional<VectorBitmap> synic) {
        this(handled, highestStale, synic, NO_EOI);
    }

    ExitMap scanned(IoapicScan.Result result) {
        return new ExitMap(result.handled(), result.highestStale(), synic, pendingIoapicEoi);
    }

    /** With the EOI of {@code vector} on its way to user space. */
    ExitMap withPendingIoapicEoi(int vector) {
        return new ExitMap(handled, highestStale, synic, vector);
    }

    /** What a load writes into EOI_EXIT_BITMAP0 to 3. */
    VectorBitmap union() {
        return synic.map(handled::or).orElse(handled);
    }

    /** With that EOI reported, or dropped. */
    ExitMap withoutPendingIoapicEoi() {
        return withPendingIoapicEoi(NO_EOI);
    }
}
