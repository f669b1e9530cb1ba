package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.IoapicState;
import org.vcpusim.kvm.Irqfds;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;

/** Carries out the operations of a recorded vector, and says what each returned. */
final class VectorDriver {
    private static final long IOREGSEL = 0xfec00000L;
    private static final long IOWIN = 0xfec00010L;
    private static final int EOI_OFFSET = 0xb0;
    private static final int EINVAL = 22;

    private final VectorMachine machine;
    private Routing table;

    VectorDriver(VectorMachine machine, Routing routing) {
        this.machine = machine;
        this.table = routing;
    }

    /** Does one operation; the answer is what a vector has behind the {@code =}. */
    String execute(List<String> words) {
        Words w = new Words(words, machine.machine().vcpuCount());
        List<String> answer = new ArrayList<>(perform(w));
        machine.resamples().forEach((id, count) -> answer.add("resample=" + id + ":" + count));
        answer.removeIf(String::isEmpty);
        return answer.isEmpty() ? "ok" : String.join(" ", answer);
    }

    private List<String> perform(Words w) {
        return switch (w.name()) {
            case "ioapic_write" ->
                access(
                        w.vcpu(),
                        new GuestAction.MmioWrite(IOREGSEL, 4, w.number(2)),
                        new GuestAction.MmioWrite(IOWIN, 4, w.number(3)));
            case "ioapic_read" ->
                reading(
                        w.vcpu(),
                        new GuestAction.MmioWrite(IOREGSEL, 4, w.number(2)),
                        new GuestAction.MmioRead(IOWIN, 4));
            case "lapic_write" -> access(w.vcpu(), new GuestAction.MmioWrite(page() + w.number(2), 4, w.number(3)));
            case "lapic_read" -> reading(w.vcpu(), new GuestAction.MmioRead(page() + w.number(2), 4));
            case "mmio_write" ->
                access(w.vcpu(), new GuestAction.MmioWrite(w.number(2), (int) w.number(3), w.number(4)));
            case "mmio_read" -> reading(w.vcpu(), new GuestAction.MmioRead(w.number(2), (int) w.number(3)));
            case "wrmsr" -> access(w.vcpu(), new GuestAction.Wrmsr((int) w.number(2), w.number(3)));
            case "rdmsr" -> reading(w.vcpu(), new GuestAction.Rdmsr((int) w.number(2)));
            case "eoi" -> access(w.vcpu(), new GuestAction.ApicRegisterWrite(EOI_OFFSET, 0));
            case "outb" -> access(w.vcpu(), new GuestAction.PortWrite((int) w.number(2), (int) w.number(3)));
            case "inb" -> reading(w.vcpu(), new GuestAction.PortRead((int) w.number(2)));
            case "enter" -> access(w.vcpu(), Plain.NOP);
            case "run" -> run(w.vcpu(), VectorGuests.running());
            case "halt" -> run(w.vcpu(), VectorGuests.halting());
            case "haltcli" -> run(w.vcpu(), VectorGuests.doing(Plain.HLT));
            case "resume" -> resume(w.vcpu());
            case "storm" -> storm(w.vcpu(), (int) w.number(2));
            default -> ioctl(w);
        };
    }

    private static long page() {
        return org.vcpusim.kvm.Lapic.DEFAULT_PAGE;
    }

    private List<String> ioctl(Words w) {
        return switch (w.name()) {
            case "irq_line" -> {
                setLine(w, Vm.LineStatus.WANTED);
                yield List.of("status=" + machine.returned());
            }
            case "irq_line_nostatus" -> {
                setLine(w, Vm.LineStatus.UNWANTED);
                yield done();
            }
            case "msi" -> {
                machine.tell(new Vm.SignalMsi(Vm.OfUserspace.USERSPACE, w.number(1), (int) w.number(2)));
                yield msiResult(machine.returned());
            }
            case "nmi" -> told(w.vcpu(), Vcpu.Plain.NMI);
            case "smi" -> told(w.vcpu(), Vcpu.Plain.SMI);
            case "mp_state" -> setMpState(w);
            case "set_lapic" -> told(w.vcpu(), setLapic(w));
            case "set_ioapic" -> {
                machine.tell(new Vm.SetIoapic(setIoapic(w)));
                yield done();
            }
            case "sleep" -> {
                machine.sleep(w.number(1));
                yield done();
            }
            default -> routing(w);
        };
    }

    /** KVM_SET_MP_STATE; the kernel refuses states that x86 does not have. */
    private List<String> setMpState(Words w) {
        return MpState.ofNumber(w.number(2))
                .map(state -> told(w.vcpu(), new Vcpu.SetMpState(state)))
                .orElse(List.of("error=" + EINVAL));
    }

    private List<String> routing(Words w) {
        return switch (w.name()) {
            case "route_chip" ->
                route(table.with(new Routing.ChipRoute(
                        (int) w.number(1),
                        Event.IrqChip.values()[Words.below(Event.IrqChip.values().length, "chip", w.number(2))],
                        (int) w.number(3))));
            case "route_msi" ->
                route(table.with(new Routing.MsiRoute((int) w.number(1), w.number(2), (int) w.number(3))));
            case "route_del" -> route(table.without((int) w.number(1)));
            case "irqfd" -> {
                boolean resample = w.size() > 3 && w.text(3).equals("resample");
                machine.tell(new Vm.AssignIrqfd(new Irqfds.Irqfd((int) w.number(1), (int) w.number(2), resample)));
                yield done();
            }
            case "fire" -> {
                machine.tell(new Vm.FireIrqfd((int) w.number(1)));
                yield done();
            }
            case "unirqfd" -> {
                machine.tell(new Vm.DeassignIrqfd((int) w.number(1)));
                yield done();
            }
            default -> throw new IllegalArgumentException("unknown operation \"" + w.name() + "\"");
        };
    }

    /** What an ioctl leaves to say: nothing, or the error number. */
    private List<String> done() {
        long result = machine.returned();
        return result == Userspace.EINVAL || result == Userspace.ENXIO ? List.of("error=" + -result) : List.of();
    }

    private List<String> told(int vcpu, Vcpu.Message message) {
        machine.tell(vcpu, message);
        return done();
    }

    private void setLine(Words w, Vm.LineStatus status) {
        machine.tell(new Vm.SetIrqLine(
                Vm.OfUserspace.USERSPACE, (int) w.number(1), Irqfds.USERSPACE_SOURCE, (int) w.number(2), status));
    }

    /** KVM_SIGNAL_MSI returns the number of vCPUs, or fails with the negated error number. */
    private static List<String> msiResult(long result) {
        return List.of(result < 0 ? "error=" + -result : "ret=" + result);
    }

    /** The kernel takes the whole table or refuses it; the recording program keeps what it wanted. */
    private List<String> route(Routing wanted) {
        table = wanted;
        if (!wanted.isValid(machine.machine())) {
            return List.of("error=" + EINVAL);
        }
        machine.tell(new Vm.SetRouting(wanted));
        return done();
    }

    private static Vcpu.SetLapic setLapic(Words w) {
        List<Vcpu.RegisterValue> registers = new ArrayList<>();
        for (int i = 2; i < w.size(); i++) {
            VectorFile.Word word = VectorFile.Word.of(w.text(i));
            registers.add(new Vcpu.RegisterValue((int) Words.number(word.key()), (int) Words.number(word.value())));
        }
        return new Vcpu.SetLapic(registers);
    }

    private IoapicState setIoapic(Words w) {
        IoapicState saved = IoapicState.of(machine.machine(), machine.vm().ioapic());
        int irr = saved.irr();
        int id = saved.id();
        int select = saved.select();
        List<RedirectionEntry> entries = new ArrayList<>(saved.entries());
        for (int i = 1; i < w.size(); i++) {
            VectorFile.Word word = VectorFile.Word.of(w.text(i));
            long value = Words.number(word.value());
            switch (word.key()) {
                case "irr" -> irr = (int) value;
                case "id" -> id = (int) value;
                case "sel" -> select = (int) value;
                default ->
                    entries.set(Words.below(Ioapic.PINS, "pin", Words.number(word.key())), new RedirectionEntry(value));
            }
        }
        return new IoapicState(select, id, irr, entries);
    }

    private List<String> access(int vcpu, GuestAction... actions) {
        return run(vcpu, VectorGuests.doing(actions));
    }

    private List<String> reading(int vcpu, GuestAction... actions) {
        List<String> words = new ArrayList<>(run(vcpu, VectorGuests.doing(actions)));
        boolean stopped = words.stream().anyMatch(w -> w.startsWith("vec=0x0d") || w.startsWith("notrunnable"));
        if (!stopped) {
            machine.look();
            words.add("val=" + VectorState.hex(machine.vcpus().get(vcpu).lastRead()));
        }
        return words;
    }

    private List<String> run(int vcpu, org.vcpusim.kvm.Guest.Software software) {
        MpState state = machine.vcpus().get(vcpu).events().reportedMpState();
        if (state == MpState.HALTED) {
            machine.tell(vcpu, new Vcpu.SetMpState(MpState.RUNNABLE));
            machine.returned();
        } else if (state != MpState.RUNNABLE) {
            return List.of("notrunnable=" + state.number());
        }
        machine.takeStartup(vcpu);
        machine.load(vcpu, software);
        return words(machine.run(vcpu));
    }

    private static List<String> words(VectorMachine.Run run) {
        List<String> words = new ArrayList<>(run.words());
        if (run.blocked()) {
            words.add("blocked");
        }
        return words;
    }

    /** Enters the vCPU with the registers it has: where it was blocked in HLT, or where a start-up IPI put it. */
    private List<String> resume(int vcpu) {
        MpState state = machine.vcpus().get(vcpu).events().reportedMpState();
        if (state != MpState.RUNNABLE && state != MpState.HALTED) {
            return List.of("notrunnable=" + state.number());
        }
        List<String> startup = machine.takeStartup(vcpu);
        if (state == MpState.RUNNABLE && startup.isEmpty()) {
            return List.of("notblocked");
        }
        List<String> words = new ArrayList<>(startup);
        words.addAll(words(machine.run(vcpu)));
        return words;
    }

    private List<String> storm(int vcpu, int times) {
        int took = 0;
        for (int i = 0; i < times; i++) {
            took += run(vcpu, VectorGuests.running()).stream().anyMatch(w -> w.startsWith("vec=")) ? 1 : 0;
            access(vcpu, new GuestAction.ApicRegisterWrite(EOI_OFFSET, 0));
        }
        return List.of("took=" + took);
    }

    /** The words of an operation. */
    record Words(List<String> all, int vcpus) {
        String name() {
            return all.get(0);
        }

        int size() {
            return all.size();
        }

        String text(int index) {
            return all.get(index);
        }

        int vcpu() {
            return below(vcpus, "vCPU", number(1));
        }

        /** {@code value}, if it is the number of one of {@code count} things. */
        static int below(int count, String what, long value) {
            if (value < 0 || value >= count) {
                throw new IllegalArgumentException(what + " " + value + ": must be 0 to " + (count - 1));
            }
            return (int) value;
        }

        long number(int index) {
            if (index >= all.size()) {
                throw new IllegalArgumentException("operation \"" + name() + "\" has too few words");
            }
            return number(all.get(index));
        }

        static long number(String text) {
            try {
                return text.startsWith("0x") ? Long.parseUnsignedLong(text.substring(2), 16) : Long.parseLong(text);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("\"" + text + "\" is no number", e);
            }
        }
    }
}
