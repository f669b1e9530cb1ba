package org.vcpusim.scenario;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.ApicRegisterWrite;
import org.vcpusim.kvm.GuestAction.IoapicRegisterWrite;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.scenario.Instruction.IpiForm;
import org.vcpusim.scenario.Instruction.Setting;

/** What guest software can do, in the words of scenarios. */
final class GuestInstructions {
    /** Every instruction. */
    static final List<Instruction<GuestAction>> TABLE = List.of(
            Instruction.plain("nop", List.of(Plain.NOP)),
            Instruction.plain("sti", List.of(Plain.STI)),
            Instruction.plain("cli", List.of(Plain.CLI)),
            Instruction.plain("hlt", List.of(Plain.HLT)),
            Instruction.plain("eoi", List.of(Plain.EOI)),
            Instruction.plain("exit", List.of(Plain.EXIT_TO_USERSPACE)),
            new Instruction<>("compute", "TIME", (w, s) -> List.of(new GuestAction.Compute(w.nanos("time")))),
            new Instruction<>("acknowledge", "DEVICE", GuestInstructions::acknowledge),
            new Instruction<>("set-entry", "PIN " + Messages.ENTRY, (w, s) -> setEntry(w)),
            new Instruction<>("set-high", "PIN to D|all", (w, s) -> setHigh(w)),
            new Instruction<>("set-low", "PIN " + Messages.LOW_HALF, (w, s) -> setLow(w)),
            new Instruction<>("mask", "PIN", (w, s) -> masked(w)),
            new Instruction<>("unmask", "PIN", (w, s) -> unmasked(w)),
            new Instruction<>("ioapic-write", "INDEX VALUE", (w, s) -> ioapicWrite(w)),
            new Instruction<>("apic-write", "REGISTER VALUE", (w, s) -> apicWrite(w)),
            new Instruction<>("ipi", Messages.IPI, GuestInstructions::ipi),
            new Instruction<>("set-cr8", "VALUE", (w, s) -> List.of(new GuestAction.Cr8Write(any(w)))),
            new Instruction<>("rdmsr", "MSR", (w, s) -> List.of(new GuestAction.Rdmsr(msr(w)))),
            new Instruction<>("wrmsr", "MSR VALUE", (w, s) -> List.of(new GuestAction.Wrmsr(msr(w), any(w)))),
            new Instruction<>("synic-sint", "SINT vector V [auto-eoi] [masked]", (w, s) -> List.of(synicSint(w))),
            new Instruction<>("read", "ADDRESS SIZE", (w, s) -> List.of(read(w))),
            new Instruction<>("write", "ADDRESS SIZE VALUE", (w, s) -> List.of(write(w))),
            new Instruction<>("in", "PORT", (w, s) -> List.of(new GuestAction.PortRead(port(w)))),
            new Instruction<>("out", "PORT VALUE", (w, s) -> List.of(out(w))));

    private static final int MASKED = 1 << 16;
    private static final int TABLE_INDEX = 0x10;
    private static final int DESTINATION_SHIFT = 24;
    private static final long MAX_32 = 0xffffffffL;
    private static final long MAX_ADDRESS = 0xffffffffffL;
    private static final int MAX_PORT = 0xffff;
    private static final int MAX_BYTE = 0xff;
    private static final int LAST_APIC_OFFSET = 0x3f0;
    private static final int APIC_ALIGNMENT = 0xf;
    private static final List<Long> SIZES = List.of(1L, 2L, 4L, 8L);

    private GuestInstructions() {}

    private static List<GuestAction> acknowledge(Words words, Setting setting) {
        List<String> devices = setting.devices();
        String must =
                devices.isEmpty() ? "a device, and this scenario has none" : "one of " + String.join(", ", devices);
        String name = words.next("device", must);
        int index = devices.indexOf(name);
        if (index < 0) {
            throw words.wrong("device", name, must);
        }
        return List.of(new GuestAction.AcknowledgeDevice(index));
    }

    private static int pin(Words words) {
        return words.index("pin", Ioapic.PINS - 1);
    }

    /** The high half, then the low half: two writes, as a guest does it. */
    private static List<GuestAction> setEntry(Words words) {
        int pin = pin(words);
        RedirectionEntry entry = Messages.entry(words);
        return List.of(high(pin, entry.highHalf()), low(pin, entry.lowHalf()));
    }

    private static List<GuestAction> setHigh(Words words) {
        int pin = pin(words);
        int destination =
                Messages.entryDestination(words).orElseThrow(() -> words.wrong("to", "nothing", "0 to 255 or all"));
        return List.of(high(pin, Messages.highHalf(destination)));
    }

    private static List<GuestAction> setLow(Words words) {
        int pin = pin(words);
        return List.of(low(pin, Messages.lowHalf(words, "one of the operands: PIN " + Messages.LOW_HALF)));
    }

    private static List<GuestAction> masked(Words words) {
        return readAndWrittenBack(pin(words), 0, MASKED);
    }

    private static List<GuestAction> unmasked(Words words) {
        return readAndWrittenBack(pin(words), MASKED, 0);
    }

    /** The low half of an entry, with some bits cleared and others set. */
    private static List<GuestAction> readAndWrittenBack(int pin, int cleared, int set) {
        int index = TABLE_INDEX + 2 * pin;
        return List.of(
                new GuestAction.IoapicRegisterRead(index),
                new GuestAction.IoapicRegisterWriteBack(index, cleared, set));
    }

    private static GuestAction high(int pin, int value) {
        return new IoapicRegisterWrite(TABLE_INDEX + 2 * pin + 1, value);
    }

    private static GuestAction low(int pin, int value) {
        return new IoapicRegisterWrite(TABLE_INDEX + 2 * pin, value);
    }

    private static List<GuestAction> ioapicWrite(Words words) {
        int index = words.index("index", MAX_BYTE);
        return List.of(new IoapicRegisterWrite(index, (int) words.number("value", 0, MAX_32)));
    }

    private static List<GuestAction> apicWrite(Words words) {
        String must = "the name of a register, or an offset of 0 to 0x3f0 that is a multiple of 0x10";
        String word = words.next("register", must);
        int offset = register(word)
                .or(() -> Numbers.parse(word)
                        .filter(n -> n >= 0 && n <= LAST_APIC_OFFSET && (n & APIC_ALIGNMENT) == 0)
                        .map(Long::intValue))
                .orElseThrow(() -> words.wrong("register", word, must));
        return List.of(new ApicRegisterWrite(offset, any(words)));
    }

    private static Optional<Integer> register(String name) {
        String constant = name.toUpperCase(Locale.ROOT).replace('-', '_');
        return Arrays.stream(ApicRegister.values())
                .filter(register -> register.name().equals(constant))
                .findFirst()
                .map(ApicRegister::offset);
    }

    private static List<GuestAction> ipi(Words words, Setting setting) {
        boolean x2apic = setting.ipis() == IpiForm.X2APIC;
        Messages.Ipi ipi = Messages.ipi(words, x2apic ? MAX_32 : MAX_BYTE);
        int icr = ApicRegister.ICR.offset();
        long low = ipi.icrLow() & MAX_32;
        if (x2apic) {
            return List.of(new ApicRegisterWrite(icr, (long) ipi.destination() << 32 | low));
        }
        GuestAction send = new ApicRegisterWrite(icr, low);
        long high = ((long) ipi.destination() << DESTINATION_SHIFT) & MAX_32;
        return ipi.hasShorthand()
                ? List.of(send)
                : List.of(new ApicRegisterWrite(ApicRegister.ICR2.offset(), high), send);
    }

    private static int msr(Words words) {
        return (int) words.number("msr", 0, MAX_32);
    }

    private static long any(Words words) {
        return words.number("value", Long.MIN_VALUE, Long.MAX_VALUE);
    }

    /** WRMSR of a SINT register. */
    private static GuestAction synicSint(Words words) {
        int sint = words.index("sint", HvSynic.SINTS - 1);
        int vector = words.takeNumber("vector", MAX_BYTE)
                .orElseThrow(() -> words.wrong("vector", "nothing", Numbers.range(0, MAX_BYTE)));
        long flags = (words.take("auto-eoi") ? HvSynic.AUTO_EOI : 0) | (words.take("masked") ? HvSynic.MASKED : 0);
        return new GuestAction.Wrmsr(HvSynic.MSR_SINT0 + sint, flags | vector);
    }

    private static GuestAction read(Words words) {
        return new GuestAction.MmioRead(words.number("address", 0, MAX_ADDRESS), size(words));
    }

    private static GuestAction write(Words words) {
        long address = words.number("address", 0, MAX_ADDRESS);
        int size = size(words);
        return new GuestAction.MmioWrite(address, size, any(words));
    }

    private static int size(Words words) {
        String must = "1, 2, 4 or 8";
        String word = words.next("size", must);
        return Numbers.parse(word)
                .filter(SIZES::contains)
                .orElseThrow(() -> words.wrong("size", word, must))
                .intValue();
    }

    private static int port(Words words) {
        return words.index("port", MAX_PORT);
    }

    private static GuestAction out(Words words) {
        int port = port(words);
        return new GuestAction.PortWrite(port, words.index("value", MAX_BYTE));
    }

    /** How a vCPU in this mode sends IPIs. */
    static IpiForm ipiForm(boolean x2apic) {
        return x2apic ? IpiForm.X2APIC : IpiForm.XAPIC;
    }

    /** The highest destination of an MSI of this machine. */
    static int highestMsiDestination(int x2apicApi) {
        return (x2apicApi & Machine.X2APIC_API_USE_32BIT_IDS) != 0 ? Integer.MAX_VALUE : MAX_BYTE;
    }
}
