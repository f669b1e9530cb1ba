package org.vcpusim.kvm;

import java.util.OptionalInt;
import java.util.OptionalLong;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.kvm.ApicIdentity.ApicMode;

/**
 * What accesses to local APIC registers do to the register page, and what else they ask for.
 *
 * <p>Source: {@code kvm_lapic_reg_read}, {@code kvm_lapic_reg_write}, {@code kvm_x2apic_icr_write},
 * {@code kvm_lapic_set_base}, arch/x86/kvm/lapic.c.
 */
final class LapicRegisters {
    private static final int ID_SHIFT = 24;
    private static final int LAST_OFFSET = 0x3f0;
    private static final int SPIV_WRITABLE = 0x3ff;
    private static final int LDR_MASK = 0xff000000;
    private static final int DFR_ONES = 0x0fffffff;
    private static final int ICR_BUSY = 1 << 12;
    private static final long X2APIC_ICR_RESERVED = 0xfff00000L | 0x30000L | 1L << 13;
    private static final int TDCR_MASK = 0xb;
    private static final int SELF_IPI_SHORTHAND = 1 << 18;
    private static final int LVT_COMMON = Lapic.LVT_MASKED | 1 << 12 | 0xff;
    private static final int LVT_MODE = 0x700;
    private static final int LVT_PIN = 1 << 13 | 1 << 14 | 1 << 15;
    private static final int LVT_PERIODIC = 1 << 17;
    private static final long BASE_RESERVED = 0x2ff;
    private static final int PHYSICAL_ADDRESS_BITS = 40;

    private LapicRegisters() {}

    /** What a write leaves behind. */
    record Write(Lapic lapic, Effect effect, int icrLow, int icrHigh) {
        static Write of(Lapic lapic, Effect effect) {
            return new Write(lapic, effect, 0, 0);
        }
    }

    /** What a write asks for besides the new register page. */
    enum Effect {
        /** Nothing else. */
        NONE,
        /** The register does not exist or refuses the value: #GP for an MSR, nothing for memory. */
        FAULT,
        /** A software EOI. */
        EOI,
        /** Send the IPI that ICR and ICR2 describe. */
        IPI,
        /** The priority may have dropped. */
        PRIORITY,
        /** Others address this APIC differently now: the APIC map has to be built anew. */
        IDENTITY
    }

    /** The 32-bit value of a readable register; empty where the offset is none in this mode. */
    static OptionalInt read(Lapic lapic, int offset) {
        ApicRegister register =
                offset > LAST_OFFSET ? null : ApicRegister.at(offset).orElse(null);
        if (register == null || !readable(register, lapic.x2apic())) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(
                register == ApicRegister.PROCPRI
                        ? lapic.withPprUpdated().page().ppr()
                        : lapic.page().read(offset));
    }

    private static boolean readable(ApicRegister register, boolean x2apic) {
        return switch (register) {
            case EOI, RRR, SELF_IPI, LVTCMCI -> false;
            case ARBPRI, DFR, ICR2 -> !x2apic;
            default -> true;
        };
    }

    /** The value RDMSR of an x2APIC register returns; empty for #GP. */
    static OptionalLong readMsr(Lapic lapic, int msr) {
        int offset = msr - ApicRegister.X2APIC_MSR_BASE << 4;
        if (!lapic.x2apic()) {
            return OptionalLong.empty();
        }
        OptionalInt low = read(lapic, offset);
        if (low.isEmpty()) {
            return OptionalLong.empty();
        }
        long high = offset == ApicRegister.ICR.offset() ? lapic.page().read(ApicRegister.ICR2) : 0;
        return OptionalLong.of(high << 32 | low.getAsInt() & 0xffffffffL);
    }

    /** WRMSR of an x2APIC register. */
    static Write writeMsr(Lapic lapic, int msr, long value) {
        int offset = msr - ApicRegister.X2APIC_MSR_BASE << 4;
        if (!lapic.x2apic()) {
            return Write.of(lapic, Effect.FAULT);
        }
        if (offset == ApicRegister.ICR.offset()) {
            return writeX2apicIcr(lapic, value);
        }
        return value >>> 32 != 0 ? Write.of(lapic, Effect.FAULT) : write(lapic, offset, (int) value);
    }

    private static Write writeX2apicIcr(Lapic lapic, long value) {
        if ((value & X2APIC_ICR_RESERVED) != 0) {
            return Write.of(lapic, Effect.FAULT);
        }
        int low = (int) value & ~ICR_BUSY;
        int high = (int) (value >>> 32);
        LocalApic page = lapic.page().write(ApicRegister.ICR, low).write(ApicRegister.ICR2, high);
        return new Write(lapic.withPage(page), Effect.IPI, low, high);
    }

    /** A 32-bit write at {@code offset}, a multiple of 16. */
    static Write write(Lapic lapic, int offset, int value) {
        ApicRegister register =
                offset > LAST_OFFSET ? null : ApicRegister.at(offset).orElse(null);
        if (register == null) {
            return Write.of(lapic, Effect.FAULT);
        }
        return switch (register) {
            case ID -> xapicOnly(lapic, register, value & LDR_MASK);
            case LDR -> xapicOnly(lapic, register, value & LDR_MASK);
            case DFR -> xapicOnly(lapic, register, value | DFR_ONES);
            case TASKPRI -> Write.of(lapic.withTpr(value & 0xff), Effect.PRIORITY);
            case EOI -> Write.of(lapic, Effect.EOI);
            case SPIV -> writeSpiv(lapic, value);
            case ICR -> writeIcr(lapic, value);
            case ICR2 ->
                lapic.x2apic()
                        ? Write.of(lapic, Effect.FAULT)
                        : Write.of(stored(lapic, register, value & LDR_MASK), Effect.NONE);
            case LVTT, LVTTHMR, LVTPC, LVT0, LVT1, LVTERR -> writeLvt(lapic, register, value);
            case TDCR -> Write.of(stored(lapic, register, value & TDCR_MASK), Effect.NONE);
            case TMICT -> Write.of(stored(lapic, register, value), Effect.NONE);
            case ESR -> Write.of(lapic, lapic.x2apic() && value != 0 ? Effect.FAULT : Effect.NONE);
            case SELF_IPI -> writeSelfIpi(lapic, value);
            default -> Write.of(lapic, Effect.FAULT);
        };
    }

    private static Lapic stored(Lapic lapic, ApicRegister register, int value) {
        return lapic.withPage(lapic.page().write(register, value));
    }

    private static Write xapicOnly(Lapic lapic, ApicRegister register, int value) {
        if (lapic.x2apic()) {
            return Write.of(lapic, Effect.FAULT);
        }
        return Write.of(stored(lapic, register, value), Effect.IDENTITY);
    }

    private static Write writeSpiv(Lapic lapic, int value) {
        boolean was = lapic.swEnabled();
        int writable = SPIV_WRITABLE | (lapic.offersEoiSuppression() ? Lapic.SPIV_SUPPRESS_EOI : 0);
        Lapic next = stored(lapic, ApicRegister.SPIV, value & writable);
        if ((value & Lapic.SPIV_ENABLED) == 0) {
            for (ApicRegister lvt : Lapic.LVTS) {
                next = stored(next, lvt, next.page().read(lvt) | Lapic.LVT_MASKED);
            }
        }
        return Write.of(next, was == next.swEnabled() ? Effect.NONE : Effect.IDENTITY);
    }

    private static Write writeIcr(Lapic lapic, int value) {
        int low = value & ~ICR_BUSY;
        int destination = lapic.page().read(ApicRegister.ICR2) >>> ID_SHIFT;
        return new Write(stored(lapic, ApicRegister.ICR, low), Effect.IPI, low, destination);
    }

    private static Write writeSelfIpi(Lapic lapic, int value) {
        if (!lapic.x2apic() || (value & ~0xff) != 0) {
            return Write.of(lapic, Effect.FAULT);
        }
        return new Write(lapic, Effect.IPI, SELF_IPI_SHORTHAND | value, 0);
    }

    private static Write writeLvt(Lapic lapic, ApicRegister register, int value) {
        int kept = value & lvtMask(register) | (lapic.swEnabled() ? 0 : Lapic.LVT_MASKED);
        return Write.of(stored(lapic, register, kept), Effect.NONE);
    }

    private static int lvtMask(ApicRegister register) {
        return switch (register) {
            case LVTT -> LVT_COMMON | LVT_PERIODIC;
            case LVTTHMR, LVTPC -> LVT_COMMON | LVT_MODE;
            case LVT0, LVT1 -> LVT_COMMON | LVT_MODE | LVT_PIN;
            default -> LVT_COMMON;
        };
    }

    /** WRMSR of IA32_APIC_BASE; {@code kvm_apic_set_base}. */
    static Write writeApicBase(Lapic lapic, long value) {
        ApicMode before = Lapic.mode(lapic.apicBase());
        boolean x2apicBit = (value & Lapic.BASE_X2APIC) != 0;
        boolean enableBit = (value & Lapic.BASE_ENABLE) != 0;
        boolean reserved = (value & BASE_RESERVED) != 0 || value >>> PHYSICAL_ADDRESS_BITS != 0;
        boolean invalid = x2apicBit && !enableBit;
        boolean leavesX2apic = before == ApicMode.X2APIC && enableBit && !x2apicBit;
        boolean skipsXapic = before == ApicMode.DISABLED && x2apicBit;
        if (reserved || invalid || leavesX2apic || skipsXapic) {
            return Write.of(lapic, Effect.FAULT);
        }
        return Write.of(based(lapic, value), Lapic.mode(value) == before ? Effect.NONE : Effect.IDENTITY);
    }

    private static Lapic based(Lapic lapic, long value) {
        long changed = lapic.apicBase() ^ value;
        Lapic next = lapic.withApicBase(value);
        if ((changed & Lapic.BASE_ENABLE) != 0 && (value & Lapic.BASE_ENABLE) != 0) {
            next = withXapicId(next);
        }
        if ((changed & Lapic.BASE_X2APIC) == 0) {
            return next;
        }
        if ((value & Lapic.BASE_X2APIC) != 0) {
            LocalApic page = next.page()
                    .write(ApicRegister.ID, next.vcpu())
                    .write(ApicRegister.LDR, ApicIdentity.x2apicLdr(next.vcpu()));
            return next.withPage(page);
        }
        return (value & Lapic.BASE_ENABLE) != 0 ? withXapicId(next) : next;
    }

    private static Lapic withXapicId(Lapic lapic) {
        return stored(lapic, ApicRegister.ID, lapic.vcpu() << ID_SHIFT);
    }
}
