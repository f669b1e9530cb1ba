package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.List;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * The in-kernel IOAPIC: 24 pins, version 0x11, no EOI register.
 *
 * <p>A value: registers, redirection table and the software state behind the pins. What its operations do to other parts of
 * the machine is in the VM's operations. Source: {@code struct kvm_ioapic}, arch/x86/kvm/ioapic.h and ioapic.c.
 */
public final class Ioapic {
    /** Pins 0 to 23. */
    public static final int PINS = 24;
    /** The pin whose EOIs are tracked for user space. */
    public static final int RTC_PIN = 8;
    /** Guest-physical address after reset. */
    public static final long DEFAULT_BASE = 0xfec00000L;
    /** Bytes of the window that the IOAPIC answers to. */
    public static final int WINDOW_BYTES = 0x100;
    /** After so many EOIs in a row with the line still high the next interrupt is delayed. */
    public static final int SUCCESSIVE_EOI_LIMIT = 10_000;

    private static final int REG_SELECT = 0x00;
    private static final int REG_WINDOW = 0x10;
    private static final int INDEX_ID = 0;
    private static final int INDEX_VERSION = 1;
    private static final int INDEX_ARBITRATION = 2;
    private static final int INDEX_TABLE = 0x10;
    private static final int VERSION = PINS - 1 << 16 | 0x11;

    private final long base;
    private final int select;
    private final int id;
    private final int irr;
    private final int irrDelivered;
    private final long[] table;
    private final int[] irqStates;
    private final int[] successiveEois;
    private final RtcTracking rtc;
    private final int writes;

    private Ioapic(Draft d) {
        base = d.base;
        select = d.select;
        id = d.id;
        irr = d.irr;
        irrDelivered = d.irrDelivered;
        table = d.table;
        irqStates = d.irqStates;
        successiveEois = d.successiveEois;
        rtc = d.rtc;
        writes = d.writes;
    }

    /** An IOAPIC after creation: every pin masked. */
    public static Ioapic reset() {
        Draft draft = new Draft();
        Arrays.fill(draft.table, RedirectionEntry.RESET.bits());
        return new Ioapic(draft);
    }

    /** The fields while a new value is put together; arrays are copied before they are changed. */
    private static final class Draft {
        private long base = DEFAULT_BASE;
        private int select;
        private int id;
        private int irr;
        private int irrDelivered;
        private long[] table = new long[PINS];
        private int[] irqStates = new int[PINS];
        private int[] successiveEois = new int[PINS];
        private RtcTracking rtc = RtcTracking.NONE;
        private int writes;
    }

    private Draft draft() {
        Draft d = new Draft();
        d.base = base;
        d.select = select;
        d.id = id;
        d.irr = irr;
        d.irrDelivered = irrDelivered;
        d.table = table;
        d.irqStates = irqStates;
        d.successiveEois = successiveEois;
        d.rtc = rtc;
        d.writes = writes;
        return d;
    }

    /** Guest-physical address of the window. */
    public long base() {
        return base;
    }

    /** IOREGSEL, 0 to 255. */
    public int select() {
        return select;
    }

    /** The ID register's four bits. */
    public int id() {
        return id;
    }

    /** The entry of {@code pin}, 0 to 23. */
    public RedirectionEntry entry(int pin) {
        return new RedirectionEntry(table[pin]);
    }

    /** The entries of all pins. */
    List<RedirectionEntry> entries() {
        RedirectionEntry[] entries = new RedirectionEntry[PINS];
        Arrays.setAll(entries, this::entry);
        return List.of(entries);
    }

    /** Whether the line of {@code pin} counts as asserted, or for an edge pin as having risen. */
    public boolean irr(int pin) {
        return (irr & 1 << pin) != 0;
    }

    /** What KVM_GET_IRQCHIP reports as irr: lines that are high and, for edge pins, not delivered yet. */
    public int savedIrr(Machine machine) {
        return machine.has(Fault.RESTORE_DUPLICATES_DELIVERED) ? irr : irr & ~irrDelivered;
    }

    /** The state of pin 8's EOI tracking. */
    public RtcTracking rtc() {
        return rtc;
    }

    @Override
    public String toString() {
        return "Ioapic[writes=" + writes + ", irr=0x" + Integer.toHexString(irr) + "]";
    }

    /** How many redirection-entry writes there have been. */
    public int writes() {
        return writes;
    }

    /** Whether {@code address} is within the window. */
    public boolean claims(long address) {
        return address >= base && address < base + WINDOW_BYTES;
    }

    /** What a read at {@code address} within the window returns; {@code ioapic_mmio_read}. */
    public int read(long address) {
        return switch ((int) address & 0xff) {
            case REG_SELECT -> select;
            case REG_WINDOW -> readWindow();
            default -> 0;
        };
    }

    /** What a read of the register that IOREGSEL selects returns; {@code ioapic_read_indirect}. */
    int readWindow() {
        return switch (select) {
            case INDEX_VERSION -> VERSION;
            case INDEX_ID, INDEX_ARBITRATION -> (id & 0xf) << 24;
            default -> {
                int pin = selectedPin();
                long content = pin < 0 ? ~0L : table[pin];
                yield (int) (selectsHighHalf() ? content >>> 32 : content);
            }
        };
    }

    /** Whether a write at {@code address} within the window goes to the register that IOREGSEL selects. */
    public static boolean isWindowRegister(long address) {
        return ((int) address & 0xff) == REG_WINDOW;
    }

    /** This IOAPIC after a write of IOREGSEL or of an ignored offset; only bits 7:0 of {@code value} are kept. */
    public Ioapic writeOutsideWindow(long address, int value) {
        return ((int) address & 0xff) == REG_SELECT ? withSelect(value & 0xff) : this;
    }

    /** The pin whose entry IOREGSEL selects, or -1. */
    public int selectedPin() {
        int pin = select - INDEX_TABLE >> 1;
        return select < INDEX_TABLE || pin >= PINS ? -1 : pin;
    }

    /** Whether IOREGSEL selects the high half of an entry. */
    public boolean selectsHighHalf() {
        return (select & 1) != 0;
    }

    /** This IOAPIC after a write to a register that is no redirection entry. */
    public Ioapic writePlainRegister(int value) {
        return select == INDEX_ID ? withId(value >>> 24 & 0xf) : this;
    }

    /**
     * The selected entry as a write of one half leaves it: read-only bits kept, remote IRR cleared where the entry is now
     * edge-triggered; {@code ioapic_write_indirect}.
     */
    public RedirectionEntry selectedEntryAfter(Machine machine, int value) {
        RedirectionEntry before = entry(selectedPin());
        RedirectionEntry half = selectsHighHalf() ? before.withHighHalf(value) : before.withLowHalf(value);
        RedirectionEntry after = machine.has(Fault.READ_ONLY_BITS_WRITTEN) ? half : half.withReadOnlyBitsOf(before);
        boolean ends = after.triggerMode() == TriggerMode.EDGE && !machine.has(Fault.REMOTE_IRR_KEPT_ON_EDGE);
        return ends ? after.withoutRemoteIrr() : after;
    }

    /** Whether a pin may interrupt now: not masked, and for a level pin no EOI owed. */
    public boolean canService(int pin) {
        RedirectionEntry entry = entry(pin);
        return !(entry.masked() || entry.triggerMode() == TriggerMode.LEVEL && entry.remoteIrr());
    }

    /** Whether any source asserts {@code pin}. */
    public boolean asserted(int pin) {
        return irqStates[pin] != 0;
    }

    /** The sources that assert {@code pin}, a bit a source. */
    public int sources(int pin) {
        return irqStates[pin];
    }

    /** This IOAPIC with a saved state in place of its own, but for the lines, which are raised one by one afterwards. */
    public Ioapic restored(IoapicState state) {
        Draft d = draft();
        d.select = state.select();
        d.id = state.id();
        d.irr = 0;
        d.irrDelivered = 0;
        d.table = state.entries().stream().mapToLong(RedirectionEntry::bits).toArray();
        return new Ioapic(d);
    }

    /** The same with the lines as they were saved, raised by nobody. */
    Ioapic restoredWithLines(IoapicState state) {
        Draft d = restored(state).draft();
        d.irr = state.irr();
        return new Ioapic(d);
    }

    /** Pins whose edge has been delivered, a bit a pin. */
    int deliveredEdges() {
        return irrDelivered;
    }

    Ioapic withEntryWritten(int pin, RedirectionEntry entry) {
        Draft d = withEntry(pin, entry).draft();
        d.writes++;
        return new Ioapic(d);
    }

    Ioapic withEntry(int pin, RedirectionEntry entry) {
        if (table[pin] == entry.bits()) {
            return this;
        }
        Draft d = draft();
        d.table = table.clone();
        d.table[pin] = entry.bits();
        return new Ioapic(d);
    }

    Ioapic withSelect(int value) {
        Draft d = draft();
        d.select = value;
        return new Ioapic(d);
    }

    Ioapic withId(int value) {
        Draft d = draft();
        d.id = value;
        return new Ioapic(d);
    }

    Ioapic withSource(int pin, int source, int level) {
        Draft d = draft();
        d.irqStates = irqStates.clone();
        d.irqStates[pin] = level == 0 ? irqStates[pin] & ~(1 << source) : irqStates[pin] | 1 << source;
        return new Ioapic(d);
    }

    Ioapic withIrr(int pin) {
        Draft d = draft();
        d.irr |= 1 << pin;
        return new Ioapic(d);
    }

    Ioapic withoutIrr(int pin) {
        Draft d = draft();
        d.irr &= ~(1 << pin);
        return new Ioapic(d);
    }

    Ioapic withDelivered(int pin) {
        Draft d = draft();
        d.irrDelivered |= 1 << pin;
        return new Ioapic(d);
    }

    Ioapic withoutDelivered(int pin) {
        Draft d = draft();
        d.irrDelivered &= ~(1 << pin);
        return new Ioapic(d);
    }

    int successiveEois(int pin) {
        return successiveEois[pin];
    }

    /** This IOAPIC after {@code count} EOIs in a row that found the line of {@code pin} high. */
    public Ioapic withSuccessiveEois(int pin, int count) {
        if (successiveEois[pin] == count) {
            return this;
        }
        Draft d = draft();
        d.successiveEois = successiveEois.clone();
        d.successiveEois[pin] = count;
        return new Ioapic(d);
    }

    Ioapic withRtc(RtcTracking tracking) {
        Draft d = draft();
        d.rtc = tracking;
        return new Ioapic(d);
    }
}
