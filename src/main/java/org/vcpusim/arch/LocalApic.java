package org.vcpusim.arch;

import java.util.Arrays;
import java.util.Objects;

/**
 * The registers of one local APIC: its 4 KiB page as a value.
 *
 * <p>IRR, ISR, TMR, TPR and PPR change all the time and are fields; the others sit in one array that copies share until
 * one of them changes. What a write means is not known here. Source: SDM volume 3, "The Local APIC Block Diagram" and
 * "Local APIC Register Address Map".
 */
public final class LocalApic {
    private static final int SLOT_SHIFT = 4;
    private static final int SLOTS = 0x40;
    private static final LocalApic ZERO =
            new LocalApic(new int[SLOTS], 0, 0, new Banks(VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY));

    private final int[] cold;
    private final int tpr;
    private final int ppr;
    private final Banks banks;

    private record Banks(VectorBitmap irr, VectorBitmap isr, VectorBitmap tmr) {}

    private LocalApic(int[] cold, int tpr, int ppr, Banks banks) {
        this.cold = cold;
        this.tpr = tpr;
        this.ppr = ppr;
        this.banks = banks;
    }

    /** A page of zeroes. */
    public static LocalApic zeroed() {
        return ZERO;
    }

    /** The 32-bit register at {@code offset}, a multiple of 16 below 0x400. */
    public int read(int offset) {
        ApicRegister register = ApicRegister.at(offset).orElse(null);
        return register == null ? 0 : read(register, offset);
    }

    private int read(ApicRegister register, int offset) {
        int bankIndex = offset - register.offset() >> SLOT_SHIFT;
        return switch (register) {
            case TASKPRI -> tpr;
            case PROCPRI -> ppr;
            case IRR -> banks.irr.register(bankIndex);
            case ISR -> banks.isr.register(bankIndex);
            case TMR -> banks.tmr.register(bankIndex);
            default -> cold[offset >> SLOT_SHIFT];
        };
    }

    /** The register; for a bank its first. */
    public int read(ApicRegister register) {
        return read(register, register.offset());
    }

    /** This page with the register at {@code offset}, a multiple of 16 below 0x400, stored as it is. */
    public LocalApic write(int offset, int value) {
        ApicRegister register = ApicRegister.at(offset).orElse(null);
        return register == null ? this : write(register, offset, value);
    }

    private LocalApic write(ApicRegister register, int offset, int value) {
        if (read(register, offset) == value) {
            return this;
        }
        int bankIndex = offset - register.offset() >> SLOT_SHIFT;
        return switch (register) {
            case TASKPRI -> new LocalApic(cold, value, ppr, banks);
            case PROCPRI -> new LocalApic(cold, tpr, value, banks);
            case IRR -> withIrr(banks.irr.withRegister(bankIndex, value));
            case ISR -> withIsr(banks.isr.withRegister(bankIndex, value));
            case TMR -> withTmr(banks.tmr.withRegister(bankIndex, value));
            default -> {
                int[] changed = cold.clone();
                changed[offset >> SLOT_SHIFT] = value;
                yield new LocalApic(changed, tpr, ppr, banks);
            }
        };
    }

    /** This page with {@code register} stored as it is. */
    public LocalApic write(ApicRegister register, int value) {
        return write(register, register.offset(), value);
    }

    /** Task-priority register, 0 to 255. */
    public int tpr() {
        return tpr;
    }

    /** Processor-priority register as last computed, 0 to 255. */
    public int ppr() {
        return ppr;
    }

    /** Interrupt request register. */
    public VectorBitmap irr() {
        return banks.irr;
    }

    /** In-service register. */
    public VectorBitmap isr() {
        return banks.isr;
    }

    /** Trigger mode register: set for a vector last accepted as level-triggered. */
    public VectorBitmap tmr() {
        return banks.tmr;
    }

    /** This page with another IRR. */
    public LocalApic withIrr(VectorBitmap irr) {
        return new LocalApic(cold, tpr, ppr, new Banks(irr, banks.isr, banks.tmr));
    }

    /** This page with another ISR. */
    public LocalApic withIsr(VectorBitmap isr) {
        return new LocalApic(cold, tpr, ppr, new Banks(banks.irr, isr, banks.tmr));
    }

    /** This page with another TMR. */
    public LocalApic withTmr(VectorBitmap tmr) {
        return new LocalApic(cold, tpr, ppr, new Banks(banks.irr, banks.isr, tmr));
    }

    /**
     * This page with PPR computed from TPR and the highest vector in service. SDM volume 3, "Task and Processor
     * Priorities".
     */
    public LocalApic withPprUpdated() {
        return withPprUpdated(banks.isr.highest());
    }

    /** This page with PPR computed from TPR and {@code highestInService}, -1 for none, whatever ISR says. */
    public LocalApic withPprUpdated(int highestInService) {
        int inService = Math.max(highestInService, 0);
        int updated = (tpr & 0xf0) >= (inService & 0xf0) ? tpr : inService & 0xf0;
        return updated == ppr ? this : new LocalApic(cold, tpr, updated, banks);
    }

    /** The highest requested vector whose class is above PPR's, or -1. */
    public int deliverable() {
        int highest = banks.irr.highest();
        return highest < 0 || (highest & 0xf0) <= ppr ? -1 : highest;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LocalApic that
                && tpr == that.tpr
                && ppr == that.ppr
                && banks.equals(that.banks)
                && Arrays.equals(cold, that.cold);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(cold) * 31 + Objects.hash(tpr, ppr, banks);
    }

    /** Returns the registers that are not 0, by offset, in hexadecimal. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("LocalApic[");
        String separator = "";
        for (int slot = 0; slot < SLOTS; slot++) {
            int value = read(slot << SLOT_SHIFT);
            if (value != 0) {
                text.append("%s0x%x=0x%x".formatted(separator, slot << SLOT_SHIFT, value));
                separator = ", ";
            }
        }
        return text.append(']').toString();
    }
}
