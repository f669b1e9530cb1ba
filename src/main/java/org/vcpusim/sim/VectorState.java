package org.vcpusim.sim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.IoapicState;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.VcpuEvents;
import org.vcpusim.kvm.Vm;

/** The state of a machine under the keys of recorded vectors, in their order. */
final class VectorState {
    private static final int ID_SHIFT = 24;

    private record Register(String key, ApicRegister register) {}

    private static final List<Register> REGISTERS = List.of(
            new Register("ver", ApicRegister.LVR),
            new Register("tpr", ApicRegister.TASKPRI),
            new Register("ppr", ApicRegister.PROCPRI),
            new Register("ldr", ApicRegister.LDR),
            new Register("dfr", ApicRegister.DFR),
            new Register("svr", ApicRegister.SPIV),
            new Register("esr", ApicRegister.ESR),
            new Register("icr", ApicRegister.ICR),
            new Register("icr2", ApicRegister.ICR2),
            new Register("lvtt", ApicRegister.LVTT),
            new Register("lvtth", ApicRegister.LVTTHMR),
            new Register("lvtpc", ApicRegister.LVTPC),
            new Register("lvt0", ApicRegister.LVT0),
            new Register("lvt1", ApicRegister.LVT1),
            new Register("lvterr", ApicRegister.LVTERR));

    private VectorState() {}

    static Map<String, String> of(Vm vm, List<Vcpu> vcpus) {
        Map<String, String> state = new LinkedHashMap<>();
        for (Vcpu v : vcpus) {
            state.put("v" + v.index() + ".mp", hex(v.events().reportedMpState().number()));
        }
        if (!vm.machine().isSplit()) {
            addIrqchips(state, vm);
        }
        vcpus.forEach(v -> add(state, v));
        return state;
    }

    /** What KVM_GET_IRQCHIP reports, where there is one. */
    private static void addIrqchips(Map<String, String> state, Vm vm) {
        Ioapic ioapic = vm.ioapic();
        state.put("io.base", hex(ioapic.base()));
        state.put("io.sel", hex(ioapic.select()));
        state.put("io.id", hex(ioapic.id()));
        state.put("io.irr", hex(IoapicState.of(vm.machine(), ioapic).irr()));
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            state.put("io." + pin, hex(ioapic.entry(pin).bits()));
        }
        for (int chip = 0; chip < 2; chip++) {
            int[] r = vm.picRegisters(chip);
            state.put("pic." + chip, String.format("%02x/%02x/%02x/%02x", r[0], r[1], r[2], r[3]));
        }
    }

    private static void add(Map<String, String> state, Vcpu v) {
        String prefix = "v" + v.index() + ".";
        Lapic lapic = v.lapic();
        state.put(prefix + "irr", vectors(lapic.page().irr()));
        state.put(prefix + "isr", vectors(lapic.page().isr()));
        state.put(prefix + "tmr", vectors(lapic.page().tmr()));
        state.put(prefix + "id", hex(savedId(v) & 0xffffffffL));
        for (Register r : REGISTERS) {
            state.put(prefix + r.key, hex(lapic.page().read(r.register) & 0xffffffffL));
        }
        state.put(prefix + "base", hex(lapic.apicBase()));
        VcpuEvents e = v.events();
        state.put(
                prefix + "nmi",
                bit(e.nmis().injected()) + "/" + e.nmis().pending() + "/"
                        + bit(e.nmis().masked()));
        state.put(prefix + "smi", bit(e.smiPending()) + "/0");
        state.put(prefix + "inj", e.interrupt() < 0 ? "-" : hex(e.interrupt()));
    }

    /** KVM_GET_LAPIC shifts an x2APIC ID unless user space has asked for 32-bit IDs. */
    private static int savedId(Vcpu v) {
        int id = v.lapic().page().read(ApicRegister.ID);
        return v.lapic().x2apic() && !v.machine().has32BitIds() ? id << ID_SHIFT : id;
    }

    private static String vectors(VectorBitmap bitmap) {
        return bitmap.isEmpty()
                ? "-"
                : bitmap.vectors().mapToObj(v -> String.format("%02x", v)).collect(Collectors.joining(","));
    }

    private static int bit(boolean value) {
        return value ? 1 : 0;
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
