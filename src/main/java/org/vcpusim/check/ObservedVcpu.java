package org.vcpusim.check;

import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.trace.TraceRecord;

/** One vCPU, as events have told of it. */
final class ObservedVcpu {
    static final int NONE = -1;

    final int index;

    /** How its local APIC is addressed; null until that is known. */
    @Nullable ApicIdentity identity;
    /** How it was addressed before, while the APIC map may not say the new yet; else null. */
    @Nullable ApicIdentity previousIdentity;
    /** What was posted, requested and in service: exact at a VM entry, in between as far as events tell. */
    VectorBitmap posted = VectorBitmap.EMPTY;

    VectorBitmap irr = VectorBitmap.EMPTY;
    VectorBitmap isr = VectorBitmap.EMPTY;
    /** Whose last message was level-triggered; and whose was when INIT or user space last took all interrupts away. */
    VectorBitmap tmr = VectorBitmap.EMPTY;

    VectorBitmap lost = VectorBitmap.EMPTY;

    /** What the last scan said is handled, the vectors of the SynIC, and what vmcs01 holds. */
    VectorBitmap handled = VectorBitmap.EMPTY;

    VectorBitmap synic = VectorBitmap.EMPTY;
    VectorBitmap loaded = VectorBitmap.EMPTY;
    /** The bitmap of vmcs12 while L2 runs, else null. */
    @Nullable VectorBitmap ofL2;

    /** Its VMCS's initialisation was seen; a scan since then. */
    boolean initialised;

    boolean scanned;
    boolean apicv;
    boolean inGuest;
    /** The load that found APICv inactive, if none has written since. */
    @Nullable TraceRecord loadSkipped;

    /** What the table in the hands of its running scan asks for; null where it was not seen. */
    ObservedTable.@Nullable Needs read;

    /** Somebody has said that something is posted, and nobody has taken it since. */
    boolean outstanding;
    /** What was posted, and said to be, when its running scan began. */
    VectorBitmap postedBefore = VectorBitmap.EMPTY;

    int readGhost = NONE;
    long readVersion;
    /** Of the last scan: the table's version, its record, and the highest vector that it kept only because it was pending. */
    long scannedVersion;

    @Nullable TraceRecord scan;

    int highestStale = NONE;
    /** The table's version as of the last change that it has to be told of. */
    long owedVersion;
    /** The vector whose EOI it is busy with, since it was last in the guest. */
    int ending = NONE;

    /** Its local APIC's state at this entry was reported. */
    boolean stateLoaded;

    ObservedVcpu(int index) {
        this.index = index;
    }

    boolean isPresent() {
        ApicIdentity known = identity;
        return known != null && known.present();
    }

    boolean accepts() {
        ApicIdentity known = identity;
        return known != null && known.present() && known.softwareEnabled();
    }

    /** Whether its local APIC is known to be disabled, in IA32_APIC_BASE or by software: KVM leaves what it has as it is then. */
    boolean isDisabled() {
        return identity != null && !accepts();
    }

    /** Whether {@code vector} is posted, requested or in service. */
    boolean holds(int vector) {
        return isr.get(vector) || irr.get(vector) || posted.get(vector);
    }

    /** What is posted and neither requested nor in service. */
    VectorBitmap postedOnly() {
        return posted.andNot(irr).andNot(isr);
    }

    void ended(int vector) {
        isr = isr.without(vector);
        ending = vector;
    }

    /** The vector leaves IRR for the processor, if it was there. */
    void taken(int vector) {
        if (irr.get(vector)) {
            irr = irr.without(vector);
            isr = isr.with(vector);
        }
    }

    /** INIT or user space takes all interrupts away, those that are on their way from TMR to IRR included. */
    void loseInterrupts() {
        lost = tmr;
        tmr = VectorBitmap.EMPTY;
        ending = NONE;
        forgetInterrupts();
    }

    void forgetInterrupts() {
        posted = VectorBitmap.EMPTY;
        irr = VectorBitmap.EMPTY;
        isr = VectorBitmap.EMPTY;
    }
}
