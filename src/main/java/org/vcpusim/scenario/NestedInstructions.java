package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.vcpusim.arch.VmcsEncoding;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.GuestAction.PlainVmx;

/** What a guest hypervisor and its guest can do besides the rest, each at its own level of virtualization. */
final class NestedInstructions {
    private static final int MAX_VECTOR = 0xff;

    private NestedInstructions() {}

    /** Whose program is read. */
    enum Level {
        /** A guest that is no hypervisor. */
        PLAIN("in a group with l2"),
        /** A guest hypervisor. */
        L1("in a program of l2"),
        /** The guest of a guest. */
        L2("in a program of the group, not of its l2");

        private final String elsewhere;

        Level(String elsewhere) {
            this.elsewhere = elsewhere;
        }
    }

    /** How L1 runs L2 where nothing is posted to it. */
    static final List<GuestAction> ENTRY = List.of(Plain.CLI, PlainVmx.VMRESUME, Plain.STI);

    /** The same, after it has taken what was. */
    static final List<GuestAction> TAKING_ENTRY =
            List.of(Plain.CLI, PlainVmx.TAKE_POSTED, PlainVmx.VMRESUME, Plain.STI);

    /** Every instruction, as {@code level} may use it; {@code entry} is how L1 runs L2. */
    static List<Instruction<GuestAction>> table(Level level, List<GuestAction> entry) {
        List<Instruction<GuestAction>> all = new ArrayList<>(GuestInstructions.TABLE);
        all.add(own("enter-l2", "", Level.L1, level, w -> entry));
        all.add(own("vmwrite", "FIELD VALUE", Level.L1, level, w -> List.of(vmwrite(w))));
        all.add(own("request-l2", "VECTOR", Level.L1, level, w -> List.of(request(w))));
        all.add(notNested("post-l2", "vector V to VCPU", level, NestedInstructions::post));
        all.add(own("vmcall", "", Level.L2, level, w -> List.of(PlainVmx.VMCALL)));
        return all;
    }

    private interface Operands {
        List<GuestAction> read(Words words);
    }

    @SuppressWarnings("TooManyParameters") // a row of the table, and who reads it
    private static Instruction<GuestAction> own(String name, String operands, Level home, Level here, Operands reader) {
        return new Instruction<>(name, operands, (words, setting) -> {
            if (here != home) {
                throw words.wrong(
                        "instruction",
                        name,
                        home == Level.L1 && here == Level.PLAIN
                                ? Level.PLAIN.elsewhere
                                : home == Level.L1 ? Level.L2.elsewhere : Level.L1.elsewhere);
            }
            return reader.read(words);
        });
    }

    /** An instruction of any guest that no hypervisor runs. */
    @SuppressWarnings("TooManyParameters") // a row of the table, and who reads it
    private static Instruction<GuestAction> notNested(
            String name, String operands, Level here, Instruction.Reader<GuestAction> reader) {
        return new Instruction<>(name, operands, (words, setting) -> {
            if (here == Level.L2) {
                throw words.wrong("instruction", name, Level.L2.elsewhere);
            }
            return reader.read(words, setting);
        });
    }

    /** The two stores of a hypervisor that posts; its notification is an IPI. */
    private static List<GuestAction> post(Words words, Instruction.Setting setting) {
        int vector = words.takeNumber("vector", MAX_VECTOR)
                .orElseThrow(() -> words.wrong("vector", "nothing", Numbers.range(0, MAX_VECTOR)));
        int vcpu = words.takeNumber("to", setting.vcpus() - 1)
                .orElseThrow(() -> words.wrong("to", "nothing", Numbers.range(0, setting.vcpus() - 1)));
        return List.of(new GuestAction.SetNestedPir(vcpu, vector), new GuestAction.SetNestedOn(vcpu));
    }

    private static GuestAction vmwrite(Words words) {
        String must = "the name of a VMCS field that can be written, such as GUEST_INTR_STATUS";
        String word = words.next("field", must);
        String constant = word.toUpperCase(Locale.ROOT).replace('-', '_');
        VmcsField field = Arrays.stream(VmcsField.values())
                .filter(f -> f.name().equals(constant) && f.type() != VmcsEncoding.Type.READ_ONLY_DATA)
                .findFirst()
                .orElseThrow(() -> words.wrong("field", word, must));
        long mask = field.width().valueMask();
        long most = mask < 0 ? Long.MAX_VALUE : mask;
        return new GuestAction.Vmwrite(field, words.number("value", mask < 0 ? Long.MIN_VALUE : 0, most));
    }

    private static GuestAction request(Words words) {
        return new GuestAction.RequestNested(words.index("vector", MAX_VECTOR));
    }
}
