package org.vcpusim.scenario;

import java.util.List;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Device.Plain;
import org.vcpusim.kvm.HvSynic;
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
            Instruction.plain("pit-tick", List.of(Plain.PIT_TICK)),
            new Instruction<>("msi", Messages.MSI, DeviceInstructions::msi));

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
        return new Device.BlockIrq(vcpu(words, setting), change);
    }

    private static int vcpu(Words words, Setting setting) {
        return words.index("vcpu", setting.vcpus() - 1);
    }

    /** Whether {@code action} needs a line. */
    static boolean drivesLine(Device.Action action) {
        return action == Plain.ASSERT || action == Plain.DEASSERT;
    }
}
