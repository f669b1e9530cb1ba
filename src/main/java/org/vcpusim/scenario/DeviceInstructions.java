package org.vcpusim.scenario;

import java.util.List;
import java.util.stream.IntStream;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Device.Plain;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.scenario.Instruction.Setting;

/** What devices can do, in the words of scenarios. */
final class DeviceInstructions {
    /** Every instruction. */
    static final List<Instruction<Device.Action>> TABLE = List.of(
            Instruction.plain("assert", List.of(Plain.ASSERT)),
            Instruction.plain("deassert", List.of(Plain.DEASSERT)),
            Instruction.plain("pulse", List.of(Plain.ASSERT, Plain.DEASSERT)),
            Instruction.plain("await-acknowledge", List.of(Plain.AWAIT_ACKNOWLEDGE)),
            new Instruction<>("delay", "TIME", (w, s) -> List.of(new Device.Delay(w.nanos("time")))),
            new Instruction<>("sint", "SINT to VCPU", DeviceInstructions::sint),
            new Instruction<>("block-irq", "VCPU", (w, s) -> List.of(blockIrq(w, s, ApicvInhibit.Change.SET))),
            new Instruction<>("unblock-irq", "VCPU", (w, s) -> List.of(blockIrq(w, s, ApicvInhibit.Change.CLEAR))),
            new Instruction<>("restore-lapic", "VCPU vector V", (w, s) -> List.of(restoreLapic(w, s))),
            new Instruction<>("create-vcpu", "VCPU", (w, s) -> List.of(create(w, s))),
            Instruction.plain("assign", List.of(Plain.ASSIGN)),
            Instruction.plain("unassign", List.of(Plain.UNASSIGN)),
            Instruction.plain("remove-irqfd", List.of(Plain.REMOVE_IRQFD)),
            Instruction.plain("pit-tick", List.of(Plain.PIT_TICK)),
            Instruction.plain("save-ioapic", List.of(Device.SaveState.SAVE)),
            Instruction.plain("restore-ioapic", List.of(Device.SaveState.RESTORE)),
            new Instruction<>("msi", Messages.MSI, DeviceInstructions::msi),
            new Instruction<>("post", "vector V to N", (w, s) -> List.of(post(w, s))),
            new Instruction<>("interrupt-host", "vector V to N", (w, s) -> List.of(interruptHost(w, s))),
            new Instruction<>("preempt", "N", (w, s) -> List.of(preempt(w, s))),
            new Instruction<>("migrate", "N to M", (w, s) -> List.of(migrate(w, s))));

    private static final Vcpu.Ioctl CREATE = Vcpu.Plain.CREATE;
    private static final int REGISTERS_OF_BANK = 8;
    private static final int BYTES_OF_SLOT = 0x10;

    private DeviceInstructions() {}

    private static List<Device.Action> msi(Words words, Setting setting) {
        Messages.Msi msi = Messages.msi(words, setting.highestMsiDestination());
        return List.of(new Device.SendMsi(msi.address(), msi.data()));
    }

    private static List<Device.Action> sint(Words words, Setting setting) {
        int sint = words.index("sint", HvSynic.SINTS - 1);
        words.expect("to");
        return List.of(new Device.SendSint(vcpu(words, setting), sint));
    }

    private static Device.Action blockIrq(Words words, Setting setting, ApicvInhibit.Change change) {
        return new Device.CallVcpu(vcpu(words, setting), new Vcpu.SetGuestDebug(change));
    }

    /** KVM_SET_LAPIC of a state in which one vector is requested, and else nothing is different. */
    private static Device.Action restoreLapic(Words words, Setting setting) {
        int vcpu = vcpu(words, setting);
        VectorBitmap irr = VectorBitmap.of(vector(words));
        List<Vcpu.RegisterValue> registers = IntStream.range(0, REGISTERS_OF_BANK)
                .mapToObj(n -> new Vcpu.RegisterValue(ApicRegister.IRR.offset() + n * BYTES_OF_SLOT, irr.register(n)))
                .toList();
        return new Device.CallVcpu(vcpu, new Vcpu.SetLapic(registers));
    }

    private static Device.Action create(Words words, Setting setting) {
        return new Device.CallVcpu(vcpu(words, setting), CREATE);
    }

    private static int vcpu(Words words, Setting setting) {
        return words.index("vcpu", setting.vcpus() - 1);
    }

    private static Device.Action post(Words words, Setting setting) {
        int vector = vector(words);
        return new Device.Post(target(words, setting), vector);
    }

    private static Device.Action interruptHost(Words words, Setting setting) {
        int vector = vector(words);
        return new Device.InterruptHost(target(words, setting), vector);
    }

    private static int vector(Words words) {
        int most = VectorBitmap.VECTORS - 1;
        return words.takeNumber("vector", most)
                .orElseThrow(() -> words.wrong("vector", "nothing", Numbers.range(0, most)));
    }

    /** The vCPU behind {@code to}. */
    private static int target(Words words, Setting setting) {
        int most = setting.vcpus() - 1;
        return words.takeNumber("to", most).orElseThrow(() -> words.wrong("to", "nothing", Numbers.range(0, most)));
    }

    private static Device.Action preempt(Words words, Setting setting) {
        return new Device.Preempt(words.index("vcpu", setting.vcpus() - 1), Vcpu.Preempt.SAME_CPU);
    }

    private static Device.Action migrate(Words words, Setting setting) {
        int vcpu = words.index("vcpu", setting.vcpus() - 1);
        int most = (setting.physicalCpus() == 0 ? setting.vcpus() : setting.physicalCpus()) - 1;
        int cpu = words.takeNumber("to", most).orElseThrow(() -> words.wrong("to", "nothing", Numbers.range(0, most)));
        return new Device.Preempt(vcpu, cpu);
    }

    /** Whether {@code action} needs the processors of the host. */
    static boolean needsHost(Device.Action action) {
        return action instanceof Device.Post || action instanceof Device.Preempt || action == Plain.ASSIGN;
    }

    /** Whether {@code action} creates {@code vcpu}. */
    static boolean creates(Device.Action action, int vcpu) {
        return action.equals(new Device.CallVcpu(vcpu, CREATE));
    }

    /** Whether {@code action} needs a line. */
    static boolean drivesLine(Device.Action action) {
        return action == Plain.ASSERT || action == Plain.DEASSERT;
    }

    /** Whether {@code action} needs an irqfd of the device. */
    static boolean removesIrqfd(Device.Action action) {
        return action == Plain.REMOVE_IRQFD;
    }
}
