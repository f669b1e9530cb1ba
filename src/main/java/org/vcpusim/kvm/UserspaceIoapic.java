package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * The IOAPIC that a VMM emulates where the kernel has none: 24 pins, version 0x20 with an EOI register.
 *
 * <p>A value: registers, redirection table, lines, and the routes that stand for its entries in the kernel. It differs from
 * the kernel's own {@link Ioapic} in that an edge on a masked pin is lost and that a delivered edge is forgotten at once.
 * Source: QEMU, hw/intc/ioapic.c, after the fix by which routes are updated before a pin interrupts; ICH data sheets, "I/O
 * APIC", for the EOI register.
 *
 * @param select IOREGSEL, 0 to 255
 * @param id the ID register's four bits
 * @param irr pins whose line is high or, for edge pins, has risen and was not delivered, a bit a pin
 * @param entries the redirection table by pin
 * @param routing the table that is to be published; a masked pin keeps the route of its last unmasked entry
 * @param writes how many writes of redirection entries there have been
 */
public record UserspaceIoapic(
        int select, int id, int irr, List<RedirectionEntry> entries, Routing routing, int writes) {
    private static final int REG_SELECT = 0x00;
    private static final int REG_WINDOW = 0x10;
    private static final int REG_EOI = 0x40;
    private static final int INDEX_ID = 0;
    private static final int INDEX_VERSION = 1;
    private static final int INDEX_ARBITRATION = 2;
    private static final int INDEX_TABLE = 0x10;
    private static final int VERSION = Ioapic.PINS - 1 << 16 | 0x20;
    private static final long MSI_ADDRESS = 0xfee00000L;
    private static final int MSI_DESTINATION_SHIFT = 12;
    private static final int MSI_LOGICAL = 1 << 2;
    private static final int MSI_DELIVERY_SHIFT = 8;
    private static final int MSI_LEVEL = 1 << 15;

    public UserspaceIoapic {
        entries = List.copyOf(entries);
    }

    /** An IOAPIC whose registers firmware has left as {@code state}, its unmasked entries published. */
    public static UserspaceIoapic of(IoapicState state) {
        UserspaceIoapic unrouted =
                new UserspaceIoapic(state.select(), state.id(), state.irr(), state.entries(), Routing.NONE, 0);
        UserspaceIoapic routed = unrouted;
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            routed = routed.routed(pin);
        }
        return routed;
    }

    /** An IOAPIC after reset: every pin masked, no route. */
    public static UserspaceIoapic reset() {
        return of(new IoapicState(
                0,
                0,
                0,
                IntStream.range(0, Ioapic.PINS)
                        .mapToObj(pin -> RedirectionEntry.RESET)
                        .toList()));
    }

    /** Whether {@code address} is within its window. */
    public static boolean claims(long address) {
        return address >= Ioapic.DEFAULT_BASE && address < Ioapic.DEFAULT_BASE + Ioapic.WINDOW_BYTES;
    }

    /** What a read at {@code address} within the window returns. */
    public int read(long address) {
        return switch ((int) address & 0xff) {
            case REG_SELECT -> select;
            case REG_WINDOW -> readWindow();
            default -> 0;
        };
    }

    /** What a read of the register that IOREGSEL selects returns. */
    int readWindow() {
        return switch (select) {
            case INDEX_VERSION -> VERSION;
            case INDEX_ID, INDEX_ARBITRATION -> id << 24;
            default -> {
                int pin = selectedPin();
                long content = pin < 0 ? 0 : entries.get(pin).bits();
                yield (int) ((select & 1) != 0 ? content >>> 32 : content);
            }
        };
    }

    private int selectedPin() {
        int pin = select - INDEX_TABLE >> 1;
        return select < INDEX_TABLE || pin >= Ioapic.PINS ? -1 : pin;
    }

    /** What a write left behind: the next state, and the pin whose entry was written, or -1. */
    public record Written(UserspaceIoapic ioapic, int pin) {}

    /** A write of {@code value} at {@code address} within the window. */
    public Written write(long address, int value) {
        return switch ((int) address & 0xff) {
            case REG_SELECT -> new Written(selecting(value & 0xff), -1);
            case REG_WINDOW -> writeIndirect(value);
            case REG_EOI -> new Written(ended(value & 0xff), -1);
            default -> new Written(this, -1);
        };
    }

    /** Selects register {@code index} and writes it. */
    public Written writeRegister(int index, int value) {
        return selecting(index).writeIndirect(value);
    }

    private Written writeIndirect(int value) {
        int pin = selectedPin();
        if (pin < 0) {
            int newId = select == INDEX_ID ? value >>> 24 & 0xf : id;
            return new Written(new UserspaceIoapic(select, newId, irr, entries, routing, writes), -1);
        }
        RedirectionEntry before = entries.get(pin);
        boolean high = (select & 1) != 0;
        RedirectionEntry half = high ? before.withHighHalf(value) : before.withLowHalf(value);
        RedirectionEntry kept = half.withReadOnlyBitsOf(before);
        RedirectionEntry after = kept.triggerMode() == TriggerMode.EDGE ? kept.withoutRemoteIrr() : kept;
        UserspaceIoapic written =
                new UserspaceIoapic(select, id, irr, with(pin, after), routing, writes + 1).routed(pin);
        return new Written(written, pin);
    }

    /** The end of {@code vector}: no level pin with it waits for an EOI any more. */
    public UserspaceIoapic ended(int vector) {
        List<RedirectionEntry> after = entries.stream()
                .map(entry -> entry.vector() == vector && entry.triggerMode() == TriggerMode.LEVEL
                        ? entry.withoutRemoteIrr()
                        : entry)
                .toList();
        return new UserspaceIoapic(select, id, irr, after, routing, writes);
    }

    /** The line of {@code pin} goes to {@code level}. */
    public UserspaceIoapic withLine(int pin, int level) {
        RedirectionEntry entry = entries.get(pin);
        boolean edge = entry.triggerMode() == TriggerMode.EDGE;
        if (level == 0) {
            return edge ? this : withIrr(irr & ~(1 << pin));
        }
        return edge && entry.masked() ? this : withIrr(irr | 1 << pin);
    }

    /** The first pin that can interrupt, or -1: it asks for it, is not masked, and owes no EOI. */
    public int deliverablePin() {
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = entries.get(pin);
            boolean asks = (irr & 1 << pin) != 0;
            if (asks && !entry.masked() && !entry.remoteIrr()) {
                return pin;
            }
        }
        return -1;
    }

    /** {@code pin} interrupts: an edge is forgotten, a level waits for its EOI. */
    public UserspaceIoapic delivered(int pin) {
        RedirectionEntry entry = entries.get(pin);
        return entry.triggerMode() == TriggerMode.EDGE
                ? withIrr(irr & ~(1 << pin))
                : new UserspaceIoapic(select, id, irr, with(pin, entry.withRemoteIrr()), routing, writes);
    }

    /** The message of an entry as the kernel's route has it. */
    static Routing.MsiRoute route(int pin, RedirectionEntry entry) {
        long address = MSI_ADDRESS
                | (long) entry.destination() << MSI_DESTINATION_SHIFT
                | (entry.destinationMode() == DestinationMode.LOGICAL ? MSI_LOGICAL : 0);
        int data = entry.vector()
                | entry.deliveryMode().code() << MSI_DELIVERY_SHIFT
                | (entry.triggerMode() == TriggerMode.LEVEL ? MSI_LEVEL : 0);
        return new Routing.MsiRoute(pin, address, data);
    }

    private UserspaceIoapic routed(int pin) {
        RedirectionEntry entry = entries.get(pin);
        Routing next = entry.masked() ? routing : routing.without(pin).with(route(pin, entry));
        return new UserspaceIoapic(select, id, irr, entries, next, writes);
    }

    UserspaceIoapic selecting(int index) {
        return new UserspaceIoapic(index, id, irr, entries, routing, writes);
    }

    private UserspaceIoapic withIrr(int lines) {
        return new UserspaceIoapic(select, id, lines, entries, routing, writes);
    }

    private List<RedirectionEntry> with(int pin, RedirectionEntry entry) {
        List<RedirectionEntry> changed = new ArrayList<>(entries);
        changed.set(pin, entry);
        return changed;
    }
}
