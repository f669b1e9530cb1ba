package org.vcpusim.kvm;

import java.util.Optional;
import org.vcpusim.arch.VectorBitmap;

/**
 * Which vectors' EOIs a vCPU has to see.
 *
 * @param handled {@code ioapic_handled_vectors}: vectors whose EOI the IOAPIC wants
 * @param highestStale the highest vector that is in the set only because it was pending at the scan, or -1
 * @param synic vectors of the Hyper-V SynIC; empty where the vCPU has no Hyper-V context
 */
public record ExitMap(VectorBitmap handled, int highestStale, Optional<VectorBitmap> synic) {
    /** Before the first scan, without a Hyper-V context. */
    public static final ExitMap NONE = new ExitMap(VectorBitmap.EMPTY, -1, Optional.empty());

    ExitMap scanned(IoapicScan.Result result) {
        return new ExitMap(result.handled(), result.highestStale(), synic);
    }

    /** What a load writes into EOI_EXIT_BITMAP0 to 3. */
    VectorBitmap union() {
        return synic.map(handled::or).orElse(handled);
    }
}
