package org.vcpusim.kvm;

import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity.ApicMode;

/**
 * One vCPU's local APIC as KVM keeps it: the register page, IA32_APIC_BASE and the events on their way.
 *
 * <p>Source: {@code struct kvm_lapic}, arch/x86/kvm/lapic.h and lapic.c.
 *
 * @param vcpu index of the vCPU, its x2APIC ID
 * @param page the registers
 * @param apicBase IA32_APIC_BASE
 * @param initPending an INIT has come and was not acted on
 * @param sipiPending a start-up IPI has come and was not acted on
 * @param sipiVector page of the last start-up IPI
 * @param hints what is known of the page without searching it
 */
public record Lapic(
        int vcpu,
        LocalApic page,
        long apicBase,
        boolean initPending,
        boolean sipiPending,
        int sipiVector,
        LapicHints hints) {
    /** The index of the MSR IA32_APIC_BASE. */
    public static final int BASE_MSR = 0x1b;
    /** IA32_APIC_BASE, bit 8: the boot processor. */
    public static final long BASE_BSP = 1 << 8;
    /** IA32_APIC_BASE, bit 10: x2APIC mode. */
    public static final long BASE_X2APIC = 1 << 10;
    /** IA32_APIC_BASE, bit 11: enabled. */
    public static final long BASE_ENABLE = 1 << 11;
    /** Guest-physical address of the page after reset. */
    public static final long DEFAULT_PAGE = 0xfee00000L;
    /** Bytes of the page. */
    public static final int PAGE_BYTES = 0x1000;
    /** Spurious-interrupt vector register, bit 8: software enable. */
    public static final int SPIV_ENABLED = 1 << 8;
    /** Spurious-interrupt vector register, bit 12: suppress EOI broadcasts. */
    public static final int SPIV_SUPPRESS_EOI = 1 << 12;
    /** Local vector table entries, bit 16: masked. */
    public static final int LVT_MASKED = 1 << 16;

    private static final int BOOT_VCPU = 0;
    private static final int VERSION = 0x50014;
    private static final int LVR_DIRECTED_EOI = 1 << 24;
    private static final int SPIV_RESET = 0xff;
    private static final int LVT0_EXTINT = DeliveryMode.EXTINT.code() << 8;
    private static final int ID_SHIFT = 24;
    private static final int CLASS = 0xf0;

    static final ApicRegister[] LVTS = {
        ApicRegister.LVTT,
        ApicRegister.LVTTHMR,
        ApicRegister.LVTPC,
        ApicRegister.LVT0,
        ApicRegister.LVT1,
        ApicRegister.LVTERR
    };

    /** A local APIC after creation of vCPU {@code vcpu}, without APICv; {@code kvm_lapic_reset} for RESET. */
    public static Lapic created(int vcpu) {
        long base = DEFAULT_PAGE | BASE_ENABLE | (vcpu == BOOT_VCPU ? BASE_BSP : 0);
        LocalApic page =
                LocalApic.zeroed().write(ApicRegister.ID, vcpu << ID_SHIFT).write(ApicRegister.LVR, VERSION);
        return of(vcpu, page, base).reset();
    }

    /** A local APIC with these registers on which nothing is on its way, without APICv. */
    public static Lapic of(int vcpu, LocalApic page, long apicBase) {
        return new Lapic(vcpu, page, apicBase, false, false, 0, LapicHints.of(Machine.Apicv.INACTIVE, page));
    }

    /** The same in {@code machine}, whose local APICs may offer to suppress EOI broadcasts; {@code kvm_apic_set_version}. */
    public static Lapic created(Machine machine, int vcpu) {
        Lapic created = created(vcpu);
        return machine.offersEoiSuppression()
                ? created.withPage(created.page.write(ApicRegister.LVR, VERSION | LVR_DIRECTED_EOI))
                : created;
    }

    /** This local APIC after INIT: registers reset, ID, version and IA32_APIC_BASE kept; {@code kvm_lapic_reset}. */
    Lapic reset() {
        LocalApic p = page;
        for (ApicRegister lvt : LVTS) {
            p = p.write(lvt, LVT_MASKED);
        }
        p = p.write(ApicRegister.LVT0, vcpu == BOOT_VCPU ? LVT0_EXTINT : LVT_MASKED);
        p = p.write(ApicRegister.DFR, ApicIdentity.DFR_FLAT).write(ApicRegister.SPIV, SPIV_RESET);
        p = p.write(ApicRegister.LDR, x2apic() ? ApicIdentity.x2apicLdr(vcpu) : 0);
        for (ApicRegister zeroed : ZEROED_BY_RESET) {
            p = p.write(zeroed, 0);
        }
        p = p.withIrr(VectorBitmap.EMPTY).withIsr(VectorBitmap.EMPTY).withTmr(VectorBitmap.EMPTY);
        return withPage(p).withApicv(hints.apicv()).withPprUpdated();
    }

    private static final ApicRegister[] ZEROED_BY_RESET = {
        ApicRegister.TASKPRI,
        ApicRegister.ESR,
        ApicRegister.ICR,
        ApicRegister.ICR2,
        ApicRegister.TDCR,
        ApicRegister.TMICT,
        ApicRegister.TMCCT
    };

    /** Whether the processor counts as the boot processor, which the guest can change. */
    public boolean isBootProcessor() {
        return (apicBase & BASE_BSP) != 0;
    }

    /** Whether it is enabled in IA32_APIC_BASE; {@code kvm_apic_hw_enabled}. */
    public boolean hwEnabled() {
        return (apicBase & BASE_ENABLE) != 0;
    }

    /** Whether it is enabled in the spurious-interrupt vector register; {@code kvm_apic_sw_enabled}. */
    public boolean swEnabled() {
        return (page.read(ApicRegister.SPIV) & SPIV_ENABLED) != 0;
    }

    /** Whether it accepts interrupts; {@code apic_enabled}. */
    public boolean enabled() {
        return hwEnabled() && swEnabled();
    }

    /** Whether it is in x2APIC mode. */
    public boolean x2apic() {
        return mode(apicBase) == ApicMode.X2APIC;
    }

    /** The mode that a value of IA32_APIC_BASE selects; x2APIC without enable counts as disabled. */
    public static ApicMode mode(long apicBase) {
        if ((apicBase & BASE_ENABLE) == 0) {
            return ApicMode.DISABLED;
        }
        return (apicBase & BASE_X2APIC) != 0 ? ApicMode.X2APIC : ApicMode.XAPIC;
    }

    /** Guest-physical address of the register page. */
    public long pageAddress() {
        return apicBase & ~0xfffL;
    }

    /** Whether {@code address} is within the register page. */
    public boolean claims(long address) {
        return address >= pageAddress() && address < pageAddress() + PAGE_BYTES;
    }

    /** Reports how it is addressed. */
    void reportIdentity(Port port) {
        port.emit(new Event.ApicIdentityChanged(identity()));
    }

    /** Reports what it holds. */
    void reportState(Port port) {
        port.emit(new Event.LapicStateSet(
                vcpu, page.tpr(), page.read(ApicRegister.SPIV), page.irr(), page.isr(), page.tmr()));
    }

    /** Whether it holds what it does after a reset, but for software enable. */
    boolean isQuiet() {
        return page.tpr() == 0
                && !suppressesEoiBroadcast()
                && page.irr().isEmpty()
                && page.isr().isEmpty()
                && page.tmr().isEmpty();
    }

    /** What other CPUs need to know to address it. */
    public ApicIdentity identity() {
        return new ApicIdentity(
                vcpu,
                page.read(ApicRegister.ID) >>> ID_SHIFT,
                page.read(ApicRegister.LDR),
                page.read(ApicRegister.DFR),
                mode(apicBase),
                swEnabled(),
                acceptsPic());
    }

    /** Whether the PIC's output reaches the processor through it; {@code kvm_apic_accept_pic_intr}. */
    public boolean acceptsPic() {
        int lvt0 = page.read(ApicRegister.LVT0);
        boolean extint = (lvt0 & LVT_MASKED) == 0 && (lvt0 >> 8 & 7) == DeliveryMode.EXTINT.code();
        return !hwEnabled() || extint;
    }

    /** Whether the version register says that EOI broadcasts can be suppressed: bit 24. */
    public boolean offersEoiSuppression() {
        return (page.read(ApicRegister.LVR) & LVR_DIRECTED_EOI) != 0;
    }

    /** Whether it is told not to broadcast EOIs; whether it obeys is {@link Machine#suppressesEois}. */
    public boolean suppressesEoiBroadcast() {
        return (page.read(ApicRegister.SPIV) & SPIV_SUPPRESS_EOI) != 0;
    }

    /** Whether {@code vector} is requested or in service; {@code kvm_apic_pending_eoi}. */
    public boolean pendingEoi(int vector) {
        return page.irr().get(vector) || page.isr().get(vector);
    }

    /** This local APIC with another page, of which the same is known. */
    @SuppressWarnings("ReferenceEquality") // the same page needs no copy; an equal one may have it
    public Lapic withPage(LocalApic other) {
        return other == page ? this : with(other, hints);
    }

    private Lapic with(LocalApic otherPage, LapicHints otherHints) {
        return new Lapic(vcpu, otherPage, apicBase, initPending, sipiPending, sipiVector, otherHints);
    }

    /** With APICv active or not, and what is known of the page forgotten; {@code kvm_apic_update_apicv}. */
    Lapic withApicv(Machine.Apicv apicv) {
        return with(page, LapicHints.of(apicv, page));
    }

    /** After APICv came or went; {@code kvm_apic_update_apicv}. */
    Lapic afterApicvChange(Machine.Apicv apicv, Rules rules) {
        return with(page, hints.afterChange(apicv, page, rules));
    }

    /** With the registers that user space has saved; {@code kvm_apic_set_state}. */
    Lapic restored(LocalApic saved, Rules rules) {
        return with(saved, hints.afterRestore(saved, rules)).withPprUpdated();
    }

    /** The highest vector in service, or -1; {@code apic_find_highest_isr}. */
    int highestIsr() {
        return hints.highestIsr(page);
    }

    /** With PPR as TPR and the vectors in service make it; {@code apic_update_ppr}. */
    Lapic withPprUpdated() {
        return withPage(page.withPprUpdated(highestIsr()));
    }

    /** With the trigger mode of an accepted message recorded in TMR, the only place where TMR changes. */
    Lapic withTriggerMode(int vector, TriggerMode trigger) {
        boolean level = trigger == TriggerMode.LEVEL;
        if (page.tmr().get(vector) == level) {
            return this;
        }
        return withPage(
                page.withTmr(level ? page.tmr().with(vector) : page.tmr().without(vector)));
    }

    /** With an accepted vector requested in IRR, and its trigger mode in TMR. */
    Lapic requested(int vector, TriggerMode trigger) {
        return withTriggerMode(vector, trigger).withIrrBit(vector).withIrrPending(true);
    }

    /** With {@code vector} requested, of which the hint does not know. */
    Lapic withIrrBit(int vector) {
        return withPage(page.withIrr(page.irr().with(vector)));
    }

    /** With all of {@code vectors} requested, which were posted; {@code kvm_apic_update_irr}. */
    Lapic requested(VectorBitmap vectors) {
        return vectors.isEmpty() ? this : with(page.withIrr(page.irr().or(vectors)), hints.irrSet());
    }

    /** The same without the hint that IRR has a bit: {@link Fault#IRR_HINT_RECOMPUTED}. */
    Lapic requestedWithoutHint(VectorBitmap vectors) {
        return with(page.withIrr(page.irr().or(vectors)), hints);
    }

    /** The highest vector that may interrupt now, or -1; {@code kvm_apic_has_interrupt}. */
    int deliverable() {
        int highest = hwEnabled() ? hints.highestIrr(page) : -1;
        return highest < 0 || (highest & CLASS) <= withPprUpdated().page.ppr() ? -1 : highest;
    }

    /** After the processor took {@code vector}; {@code kvm_apic_ack_interrupt}. */
    Lapic acknowledged(int vector) {
        return handedOver(vector).irrSearched();
    }

    /** The same, but whether there is another request is not noted yet: the hint says that there is none. */
    Lapic handedOver(int vector) {
        Lapic cleared = irrCleared(vector);
        boolean inService = page.isr().get(vector);
        return cleared.with(
                        cleared.page.withIsr(page.isr().with(vector)),
                        inService ? cleared.hints : cleared.hints.isrSet(vector))
                .withPprUpdated();
    }

    /** {@link #handedOver} of a vector that ends itself: it is not in service. */
    Lapic handedOverWithAutoEoi(int vector) {
        return irrCleared(vector).withPprUpdated();
    }

    /** Without the request of {@code vector}; {@code kvm_apic_clear_irr}. */
    Lapic withoutRequest(int vector) {
        return irrCleared(vector).irrSearched();
    }

    private Lapic irrCleared(int vector) {
        return with(page.withIrr(page.irr().without(vector)), hints.irrDropped());
    }

    /** With the hint raised if another vector is requested. */
    Lapic irrSearched() {
        return page.irr().isEmpty() ? this : with(page, hints.irrSet());
    }

    /** With the hint that a vector is requested as {@code now} says. */
    Lapic withIrrPending(boolean now) {
        return with(page, now ? hints.irrSet() : hints.irrDropped());
    }

    /** After an EOI of {@code vector}. */
    Lapic ended(int vector) {
        LocalApic cleared = page.withIsr(page.isr().without(vector));
        boolean inService = page.isr().get(vector);
        return with(cleared, inService ? hints.isrCleared() : hints).withPprUpdated();
    }

    /** With another task priority, 0 to 255. */
    Lapic withTpr(int tpr) {
        return withPage(page.write(ApicRegister.TASKPRI, tpr)).withPprUpdated();
    }

    Lapic withInit() {
        return new Lapic(vcpu, page, apicBase, true, false, sipiVector, hints);
    }

    Lapic withSipi(int vector) {
        return new Lapic(vcpu, page, apicBase, initPending, true, vector, hints);
    }

    Lapic withoutInit() {
        return new Lapic(vcpu, page, apicBase, false, sipiPending, sipiVector, hints);
    }

    Lapic withoutSipi() {
        return new Lapic(vcpu, page, apicBase, initPending, false, sipiVector, hints);
    }

    Lapic withApicBase(long base) {
        return new Lapic(vcpu, page, base, initPending, sipiPending, sipiVector, hints);
    }
}
