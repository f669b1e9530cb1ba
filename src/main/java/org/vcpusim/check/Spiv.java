package org.vcpusim.check;

import org.vcpusim.arch.ApicRegister;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Lapic;

/** The spurious-interrupt vector register as guests write it: SDM volume 3, "Spurious Interrupt". */
final class Spiv {
    /** No value of the register, which has 32 bits. */
    static final long NOT_WRITTEN = -1;

    private static final int X2APIC_MSR = ApicRegister.X2APIC_MSR_BASE + (ApicRegister.SPIV.offset() >> 4);

    private Spiv() {}

    /** What a guest writes to it with {@code event}, by its page or as an MSR; {@link #NOT_WRITTEN} where it does not. */
    static long written(Event event) {
        if (event instanceof Event.ApicAccessed page) {
            boolean writes = page.access() == Event.Access.WRITE && page.offset() == ApicRegister.SPIV.offset();
            return writes ? page.value() : NOT_WRITTEN;
        }
        if (event instanceof Event.MsrAccessed msr) {
            boolean writes = msr.access() == Event.Access.WRITE && msr.msr() == X2APIC_MSR && !msr.fault();
            return writes ? msr.value() : NOT_WRITTEN;
        }
        return NOT_WRITTEN;
    }

    /** Whether {@code value} asks that EOIs are not broadcast. */
    static boolean suppressesEois(long value) {
        return (value & Lapic.SPIV_SUPPRESS_EOI) != 0;
    }
}
