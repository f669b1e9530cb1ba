package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmExitControl;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.GuestAction.PlainVmx;
import org.vcpusim.kvm.Program;
import org.vcpusim.scenario.Instruction.Setting;

/** Reads what a guest runs as a hypervisor: its own guest, what it writes to vmcs12, and what it does after exits. */
final class HypervisorReader {
    /** Keys of an l2. */
    static final List<String> KEYS = List.of("do", "handlers", "controls", "eoi-exits", "notification-vector", "exits");

    private static final String OTHER = "other";
    private static final long ACTIVATE = PrimaryProcessorControl.ACTIVATE_SECONDARY_CONTROLS.mask();
    /** Between the handling of an exit and the next entry a hypervisor lets its own interrupts in. */
    private static final List<GuestAction> WINDOW = List.of(Plain.STI, Plain.NOP, Plain.CLI);
    /** The same where it may find something posted then. */
    private static final List<GuestAction> TAKING_WINDOW =
            List.of(Plain.STI, Plain.NOP, Plain.CLI, PlainVmx.TAKE_POSTED);

    /** A control by its name in scenarios: a bit of a field. */
    private record Control(String name, VmcsField field, long mask) {}

    private static final List<Control> CONTROLS = List.of(
            pin("external-interrupt-exiting", PinBasedControl.EXTERNAL_INTERRUPT_EXITING),
            pin("nmi-exiting", PinBasedControl.NMI_EXITING),
            pin("process-posted-interrupts", PinBasedControl.PROCESS_POSTED_INTERRUPTS),
            new Control(
                    "acknowledge-interrupt-on-exit",
                    VmcsField.VM_EXIT_CONTROLS,
                    VmExitControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT.mask()),
            primary("hlt-exiting", PrimaryProcessorControl.HLT_EXITING),
            primary("interrupt-window-exiting", PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING),
            primary("use-tpr-shadow", PrimaryProcessorControl.USE_TPR_SHADOW),
            secondary("virtualize-apic-accesses", SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES),
            secondary("virtualize-x2apic-mode", SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE),
            secondary("apic-register-virtualization", SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION),
            secondary("virtual-interrupt-delivery", SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY));
    private static final List<String> CONTROL_NAMES =
            CONTROLS.stream().map(Control::name).toList();
    private static final List<String> REASONS =
            Arrays.stream(ExitReason.values()).map(Enum::name).toList();
    private static final List<VmcsField> WRITTEN = List.of(
            VmcsField.PIN_BASED_VM_EXEC_CONTROL,
            VmcsField.CPU_BASED_VM_EXEC_CONTROL,
            VmcsField.SECONDARY_VM_EXEC_CONTROL,
            VmcsField.VM_EXIT_CONTROLS,
            VmcsField.POSTED_INTR_NV,
            VmcsField.EOI_EXIT_BITMAP0,
            VmcsField.EOI_EXIT_BITMAP1,
            VmcsField.EOI_EXIT_BITMAP2,
            VmcsField.EOI_EXIT_BITMAP3);

    private final Located value;
    private final Vmcs vmcs12;
    private final ProgramReader<GuestAction> ofL1;
    private final ProgramReader<GuestAction> ofL2;

    /** The IPIs of L2 have the form of {@code setting} unless it gets an x2APIC of its own. */
    HypervisorReader(Located value, Setting setting) {
        value.onlyKeys(KEYS);
        this.value = value;
        this.vmcs12 = vmcs12(value);
        Setting own = new Setting(
                setting.devices(),
                SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE.isSetIn(vmcs12)
                        ? Instruction.IpiForm.X2APIC
                        : setting.ipis(),
                setting.highestMsiDestination(),
                setting.vcpus(),
                setting.physicalCpus());
        ofL1 = new ProgramReader<>(NestedInstructions.table(NestedInstructions.Level.L1, entry()), setting);
        ofL2 = new ProgramReader<>(NestedInstructions.table(NestedInstructions.Level.L2, List.of()), own);
    }

    private boolean takesPosted() {
        return PinBasedControl.PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs12);
    }

    /** How L1 runs L2. */
    List<GuestAction> entry() {
        return takesPosted() ? NestedInstructions.TAKING_ENTRY : NestedInstructions.ENTRY;
    }

    private Program<GuestAction> window() {
        return Program.of(takesPosted() ? TAKING_WINDOW : WINDOW);
    }

    private static Control pin(String name, PinBasedControl control) {
        return new Control(name, VmcsField.PIN_BASED_VM_EXEC_CONTROL, control.mask());
    }

    private static Control primary(String name, PrimaryProcessorControl control) {
        return new Control(name, VmcsField.CPU_BASED_VM_EXEC_CONTROL, control.mask());
    }

    private static Control secondary(String name, SecondaryProcessorControl control) {
        return new Control(name, VmcsField.SECONDARY_VM_EXEC_CONTROL, control.mask());
    }

    private static Vmcs vmcs12(Located value) {
        Vmcs written = Vmcs.cleared();
        List<Located> names = value.get("controls")
                .map(found -> found.elements("a list of controls"))
                .orElse(List.of());
        for (Located name : names) {
            Control control = CONTROLS.get(CONTROL_NAMES.indexOf(name.oneOf(CONTROL_NAMES)));
            written = written.write(control.field, written.read(control.field) | control.mask);
        }
        if (written.read(VmcsField.SECONDARY_VM_EXEC_CONTROL) != 0) {
            long primary = written.read(VmcsField.CPU_BASED_VM_EXEC_CONTROL);
            written = written.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, primary | ACTIVATE);
        }
        Optional<Located> vector = value.get("notification-vector");
        if (vector.isPresent()) {
            written = written.write(VmcsField.POSTED_INTR_NV, vector.get().number(0, VectorBitmap.VECTORS - 1));
        }
        VectorBitmap exits = vectors(value.get("eoi-exits"));
        for (int word = 0; word < VectorBitmap.WORDS; word++) {
            written = written.write(VmcsField.eoiExitBitmap(word), exits.word(word));
        }
        return written;
    }

    private static VectorBitmap vectors(Optional<Located> list) {
        VectorBitmap vectors = VectorBitmap.EMPTY;
        List<Located> elements =
                list.map(found -> found.elements("a list of vectors")).orElse(List.of());
        for (Located element : elements) {
            vectors = vectors.with((int) element.number(0, VectorBitmap.VECTORS - 1));
        }
        return vectors;
    }

    /** {@code software} as a hypervisor: it writes vmcs12 before it begins. */
    Guest.Software hypervisor(Guest.Software software) {
        return new Guest.Software(
                afterSetUp(software.main()),
                software.handlers(),
                software.otherHandler(),
                software.atEnd(),
                afterSetUp(software.startup()),
                new Guest.Hypervisor(guest(), exits(), otherExits()));
    }

    private Program<GuestAction> afterSetUp(Program<GuestAction> program) {
        List<GuestAction> writes = new ArrayList<>();
        for (VmcsField field : WRITTEN) {
            if (vmcs12.read(field) != 0) {
                writes.add(new GuestAction.Vmwrite(field, vmcs12.read(field)));
            }
        }
        return followedBy(Program.of(writes), program.items());
    }

    private static Program<GuestAction> followedBy(Program<GuestAction> program, List<Program.Item<GuestAction>> more) {
        List<Program.Item<GuestAction>> items = new ArrayList<>(program.items());
        items.addAll(more);
        return new Program<>(items);
    }

    /** L2's software: when its program has ended it calls L1, and then begins anew. */
    private Guest.Software guest() {
        Program<GuestAction> written = value.get("do").map(ofL2::read).orElse(Program.of(List.of()));
        Program<GuestAction> main = followedBy(
                written, Program.<GuestAction>of(List.of(PlainVmx.VMCALL)).items());
        Map<Integer, Program<GuestAction>> handlers = GuestsReader.ownHandlers();
        Program<GuestAction> other = value.get("handlers")
                .flatMap(found -> GuestsReader.handlers(found, ofL2, handlers))
                .orElse(GuestsReader.EOI);
        return new Guest.Software(main, GuestsReader.list(handlers), other, main, main);
    }

    private List<Guest.ExitHandler> exits() {
        Map<ExitReason, Program<GuestAction>> handlers = new TreeMap<>();
        for (Located.Member member : members()) {
            if (!member.key().equals(OTHER)) {
                if (!REASONS.contains(member.key())) {
                    throw member.value().wrong("exit", member.key(), "one of " + String.join(", ", REASONS));
                }
                handlers.put(ExitReason.valueOf(member.key()), handler(member.value()));
            }
        }
        List<Guest.ExitHandler> all = new ArrayList<>();
        handlers.forEach((reason, program) -> all.add(new Guest.ExitHandler(reason, program)));
        return all;
    }

    private Program<GuestAction> otherExits() {
        return members().stream()
                .filter(member -> member.key().equals(OTHER))
                .findFirst()
                .map(member -> handler(member.value()))
                .orElse(window());
    }

    private List<Located.Member> members() {
        return value.get("exits")
                .map(found -> found.members("handlers by exit reason, and " + OTHER))
                .orElse(List.of());
    }

    private Program<GuestAction> handler(Located program) {
        return followedBy(ofL1.read(program), window().items());
    }
}
