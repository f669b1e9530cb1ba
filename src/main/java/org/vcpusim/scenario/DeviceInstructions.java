package org.vcpusim.scenario;

import java.util.List;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Device.Plain;
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
            new Instruction<>("msi", Messages.MSI, DeviceInstructions::msi));

    private DeviceInstructions() {}

    private static List<Device.Action> msi(Words words, Setting setting) {
        Messages.Msi msi = Messages.msi(words, setting.highestMsiDestination());
        return List.of(new Device.SendMsi(msi.address(), msi.data()));
    }

    /** Whether {@code action} needs a line. */
    static boolean drivesLine(Device.Action action) {
        return action == Plain.ASSERT || action == Plain.DEASSERT;
    }
}
